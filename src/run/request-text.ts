/** A request in words, from its bytes: what a crash, a hang or a failure was preceded by. */
import { decodeLun } from '../wire/lun.js';
import { decodeCdb } from '../wire/scsi/command.js';
import { commandOfCdb } from '../wire/scsi/commands.js';
import {
  DEFAULT_CDB_SIZE,
  requestHeaderSize,
  TaskAttr,
  Tmf,
  virtioScsiCtrlTmf,
  virtioScsiReqHead,
} from '../wire/virtio-scsi.js';

/**
 * What the readable part of a request says, read by its length: a task management request has one length, a command is
 * longer. Undefined where it is neither.
 */
export function requestText(hex: string): string | undefined {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  if (bytes.length === virtioScsiCtrlTmf.size) return tmfText(bytes);
  return bytes.length >= requestHeaderSize(DEFAULT_CDB_SIZE) ? commandText(bytes) : undefined;
}

function tmfText(bytes: Uint8Array): string | undefined {
  const { type, subtype, lun, id } = virtioScsiCtrlTmf.read(bytes);
  const name = nameOf(Tmf, subtype);
  return type === 0 && name !== undefined ? `${name}, ${lunText(lun)}, tag ${number(id)}` : undefined;
}

function commandText(bytes: Uint8Array): string {
  const { lun, id, task_attr } = virtioScsiReqHead.read(bytes);
  const cdb = bytes.subarray(virtioScsiReqHead.size, requestHeaderSize(DEFAULT_CDB_SIZE));
  const command = commandOfCdb(cdb);
  const attribute = nameOf(TaskAttr, task_attr) ?? `task_attr ${task_attr}`;
  const head = `${lunText(lun)}, tag ${number(id)}, ${attribute}`;
  if (command === undefined) return `opcode ${number(BigInt(cdb[0] ?? 0))}, ${head}`;
  const fields = Object.entries(decodeCdb(command, cdb)).filter(([, value]) => value !== 0n);
  const data = bytes.length - requestHeaderSize(DEFAULT_CDB_SIZE);
  return [
    command.name,
    ...fields.map(([name, value]) => `${name}=${number(value)}`),
    ...(data > 0 ? [`with ${data} bytes of data-out`] : []),
    `to ${head}`,
  ].join(' ');
}

function lunText(lun: Uint8Array): string {
  const address = decodeLun(lun);
  if (address.kind === 'unit') return `target ${address.target} unit ${address.unit}`;
  return address.kind === 'malformed' ? 'a malformed lun' : 'the REPORT LUNS well-known unit';
}

const number = (value: bigint) => (value < 10n ? String(value) : `0x${value.toString(16)}`);

function nameOf(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.entries(table).find(([, code]) => code === value)?.[0];
}
