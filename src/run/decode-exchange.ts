/** The bytes of an exchange taken apart, field by field. Nothing in them is trusted. */
import type { Layout } from '../wire/layout.js';
import { nameOf } from '../wire/name-of.js';
import { decodeCdb } from '../wire/scsi/command.js';
import { commandOfCdb } from '../wire/scsi/commands.js';
import { formatSense, parseSense } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import {
  ControlResponse,
  ControlType,
  cdbOffset,
  piOffset,
  Response,
  requestHeaderSize,
  responseHeaderSize,
  TaskAttr,
  Tmf,
  virtioScsiCtrlAn,
  virtioScsiCtrlAnResp,
  virtioScsiCtrlTmf,
  virtioScsiCtrlTmfResp,
  virtioScsiReqHead,
  virtioScsiReqPi,
  virtioScsiRespHead,
} from '../wire/virtio-scsi.js';
import { type CommandLayout, type ExchangeBytes, hexOf } from './exchange-bytes.js';
import { lunText, numberText } from './request-text.js';

/** One field, or a stretch of bytes without any. */
export interface DecodedField {
  /** Of the readable part (`out`) or of the writable one. */
  readonly part: 'out' | 'in';
  /** Bytes from the beginning of the part. */
  readonly offset: number;
  /** As the standard calls it; fields of the CDB are called `cdb.…`, and share its bytes. */
  readonly name: string;
  /** In hex; shorter than the field where the bytes end. */
  readonly bytes: string;
  /** What the value stands for. */
  readonly meaning?: string;
}

type Meaning = (value: number | bigint | Uint8Array) => string | undefined;
const number: Meaning = (value) => (value instanceof Uint8Array ? undefined : numberText(BigInt(value)));
const named =
  (table: Readonly<Record<string, number>>): Meaning =>
  (value) =>
    typeof value === 'number' ? (nameOf(table, value) ?? numberText(BigInt(value))) : number(value);
const lun: Meaning = (value) => (value instanceof Uint8Array ? lunText(value) : undefined);

/** Collects the fields of one part. */
class Part {
  readonly fields: DecodedField[] = [];
  readonly #part: DecodedField['part'];
  readonly #bytes: Uint8Array;

  constructor(part: DecodedField['part'], hex: string) {
    this.#part = part;
    this.#bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  }

  /** The bytes of a stretch, as far as they are there. */
  at(offset: number, size = Number.POSITIVE_INFINITY): Uint8Array {
    return this.#bytes.subarray(offset, offset + size);
  }

  /** A stretch, left out where nothing of it is there. */
  stretch(name: string, offset: number, size?: number, meaning?: string): void {
    const bytes = this.at(offset, size);
    if (bytes.length === 0) return;
    this.fields.push({
      part: this.#part,
      offset,
      name,
      bytes: hexOf(bytes),
      ...(meaning !== undefined && { meaning }),
    });
  }

  /** All fields of a structure that are there as a whole. */
  structure(
    layout: Layout<Record<string, unknown>>,
    meanings: Readonly<Record<string, Meaning>>,
    at = 0,
  ): void {
    for (const [name, { offset, size, kind }] of Object.entries(layout.fields)) {
      const bytes = this.at(at + offset, size);
      const whole = bytes.length === size;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const value = whole ? (kind.read(view, 0, true) as number | bigint | Uint8Array) : undefined;
      this.stretch(
        name,
        at + offset,
        size,
        value === undefined ? undefined : (meanings[name] ?? number)(value),
      );
    }
  }
}

/** The fields of both parts, in their order; bytes of the case's own making stay as they are. */
export function decodeExchange({ kind, out, in: answer = '', layout }: ExchangeBytes): DecodedField[] {
  const [readable, writable] = [new Part('out', out), new Part('in', answer)];
  switch (kind) {
    case 'command':
      if (layout === undefined) return raw(readable, writable);
      decodeCommand(readable, layout);
      decodeAnswer(writable, layout);
      break;
    case 'tmf':
      readable.structure(virtioScsiCtrlTmf, { type: named(ControlType), subtype: named(Tmf), lun });
      readable.stretch('rest', virtioScsiCtrlTmf.size);
      writable.structure(virtioScsiCtrlTmfResp, { response: named(ControlResponse) });
      writable.stretch('rest', virtioScsiCtrlTmfResp.size);
      break;
    case 'an':
      readable.structure(virtioScsiCtrlAn, { type: named(ControlType), lun });
      readable.stretch('rest', virtioScsiCtrlAn.size);
      writable.structure(virtioScsiCtrlAnResp, { response: named(ControlResponse) });
      writable.stretch('rest', virtioScsiCtrlAnResp.size);
      break;
    case 'chain':
      return raw(readable, writable);
  }
  return [...readable.fields, ...writable.fields];
}

function raw(readable: Part, writable: Part): DecodedField[] {
  readable.stretch('bytes', 0);
  writable.stretch('bytes', 0);
  return [...readable.fields, ...writable.fields];
}

function decodeCommand(part: Part, { cdbSize, piHeader, piOut = 0 }: CommandLayout): void {
  part.structure(virtioScsiReqHead, { lun, task_attr: named(TaskAttr) });
  const protection = () => piHeader && part.structure(virtioScsiReqPi, {}, piOffset(cdbSize, piHeader));
  if (piHeader === 'linux') protection();
  const at = cdbOffset(piHeader);
  const cdb = part.at(at, cdbSize);
  const command = commandOfCdb(cdb);
  part.stretch('cdb', at, cdbSize, command?.name ?? 'an opcode that the suite does not know');
  if (command && cdb.length >= command.length) {
    const values = decodeCdb(command, cdb);
    for (const [name, [first, last]] of Object.entries(command.fields))
      part.stretch(`cdb.${name}`, at + first, last - first + 1, numberText(values[name] ?? 0n));
  }
  if (piHeader === 'literal') protection();
  const header = requestHeaderSize(cdbSize, piHeader);
  part.stretch('pi_out', header, piOut);
  part.stretch('data_out', header + piOut);
}

function decodeAnswer(part: Part, { senseSize, piIn = 0 }: CommandLayout): void {
  part.structure(virtioScsiRespHead, { status: named(ScsiStatus), response: named(Response) });
  const sense = part.at(virtioScsiRespHead.size, senseSize);
  const length =
    part.at(0).length < virtioScsiRespHead.size ? 0 : virtioScsiRespHead.read(part.at(0)).sense_len;
  const parsed = length > 0 ? parseSense(sense.subarray(0, length)) : undefined;
  const meaning = parsed && (parsed.ok ? formatSense(parsed) : parsed.reason);
  part.stretch('sense', virtioScsiRespHead.size, senseSize, meaning ?? 'nothing there: sense_len is 0');
  const header = responseHeaderSize(senseSize);
  part.stretch('pi_in', header, piIn);
  part.stretch('data_in', header + piIn);
}
