/** A request in words, from its bytes: what a crash, a hang or a failure was preceded by. */
import { decodeLun } from '../wire/lun.js';
import { nameOf } from '../wire/name-of.js';
import { decodeCdb } from '../wire/scsi/command.js';
import { commandOfCdb } from '../wire/scsi/commands.js';
import {
  cdbOffset,
  DEFAULT_CDB_SIZE,
  requestHeaderSize,
  TaskAttr,
  Tmf,
  virtioScsiCtrlTmf,
  virtioScsiReqHead,
} from '../wire/virtio-scsi.js';
import type { CommandLayout } from './exchange-bytes.js';

type ReadableLayout = Pick<CommandLayout, 'cdbSize' | 'piHeader' | 'piOut'>;

/** How a command lies where nobody has said otherwise. */
const USUAL_LAYOUT: ReadableLayout = { cdbSize: DEFAULT_CDB_SIZE };

/**
 * What the readable part of a request says. With a layout it is a command laid out so; without one it is read by its
 * length: a task management request has one length, a command is longer. Undefined where it is neither.
 */
export function requestText(hex: string, layout?: ReadableLayout): string | undefined {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  if (layout === undefined && bytes.length === virtioScsiCtrlTmf.size) return tmfText(bytes);
  return commandText(bytes, layout ?? USUAL_LAYOUT);
}

function tmfText(bytes: Uint8Array): string | undefined {
  const { type, subtype, lun, id } = virtioScsiCtrlTmf.read(bytes);
  const name = nameOf(Tmf, subtype);
  return type === 0 && name !== undefined ? `${name}, ${lunText(lun)}, tag ${numberText(id)}` : undefined;
}

function commandText(
  bytes: Uint8Array,
  { cdbSize, piHeader, piOut = 0 }: ReadableLayout,
): string | undefined {
  const header = requestHeaderSize(cdbSize, piHeader);
  if (bytes.length < header) return undefined;
  const { lun, id, task_attr } = virtioScsiReqHead.read(bytes);
  const at = cdbOffset(piHeader);
  const cdb = bytes.subarray(at, at + cdbSize);
  const command = commandOfCdb(cdb);
  const attribute = nameOf(TaskAttr, task_attr) ?? `task_attr ${task_attr}`;
  const head = `${lunText(lun)}, tag ${numberText(id)}, ${attribute}`;
  if (command === undefined) return `opcode ${numberText(BigInt(cdb[0] ?? 0))}, ${head}`;
  const fields = Object.entries(decodeCdb(command, cdb)).filter(([, value]) => value !== 0n);
  const data = bytes.length - header - piOut;
  return [
    command.name,
    ...fields.map(([name, value]) => `${name}=${numberText(value)}`),
    ...(piOut > 0 ? [`with ${piOut} bytes of protection information`] : []),
    ...(data > 0 ? [`with ${data} bytes of data-out`] : []),
    `to ${head}`,
  ].join(' ');
}

/** A lun field in words. */
export function lunText(lun: Uint8Array): string {
  const address = decodeLun(lun);
  if (address.kind === 'unit') return `target ${address.target} unit ${address.unit}`;
  return address.kind === 'malformed' ? 'a malformed lun' : 'the REPORT LUNS well-known unit';
}

/** A number as short as it can be told: one digit, or hex. */
export const numberText = (value: bigint): string =>
  value < 10n ? String(value) : `0x${value.toString(16)}`;
