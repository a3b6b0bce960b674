/**
 * vfio-user messages as a server takes and makes them, by the tables of offsets in the protocol's specification. The
 * client has its own (`src/wire/vfio-user.ts`, `src/wire/vfio.ts`), so that no mistake in one of them can be made by both.
 */
import { MalformedMessageError } from './mapped-files.js';

export const HEADER_BYTES = 16;

export const Command = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DEVICE_RESET: 13,
} as const;

/** Bits of a message's flags. */
const TYPE_BITS = 0b1111;
const COMMAND_TYPE = 0;
const REPLY_TYPE = 1;
const NO_REPLY_BIT = 1 << 4;
const ERROR_BIT = 1 << 5;

/** errno values of Linux. */
export const Errno = { ENOENT: 2, EEXIST: 17, EINVAL: 22, EOPNOTSUPP: 95 } as const;

/** A command that cannot be carried out, as its reply tells. */
export class RefusedError extends Error {
  readonly errno: number;
  constructor(errno: number, message: string) {
    super(message);
    this.name = 'RefusedError';
    this.errno = errno;
  }
}

/** The header of a command. */
export interface CommandHeader {
  readonly id: number;
  readonly command: number;
  readonly noReply: boolean;
}

/** Throws `MalformedMessageError` for what is no command. */
export function readHeader(bytes: Buffer): CommandHeader {
  const flags = bytes.readUInt32LE(8);
  if ((flags & TYPE_BITS) !== COMMAND_TYPE)
    throw new MalformedMessageError(`a message with flags 0x${flags.toString(16)}, which is no command`);
  return {
    id: bytes.readUInt16LE(0),
    command: bytes.readUInt16LE(2),
    noReply: (flags & NO_REPLY_BIT) !== 0,
  };
}

/** Bytes that follow a header. Throws `MalformedMessageError` for more than `most`. */
export function payloadBytes(header: Buffer, most: number): number {
  const size = header.readUInt32LE(4);
  if (size < HEADER_BYTES || size > HEADER_BYTES + most)
    throw new MalformedMessageError(`a message of ${size} bytes`);
  return size - HEADER_BYTES;
}

/** A reply; with an errno it says that the command failed. */
export function replyTo({ id, command }: CommandHeader, body: Uint8Array, errno?: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(id, 0);
  header.writeUInt16LE(command, 2);
  header.writeUInt32LE(HEADER_BYTES + body.length, 4);
  header.writeUInt32LE(REPLY_TYPE | (errno === undefined ? 0 : ERROR_BIT), 8);
  header.writeUInt32LE(errno ?? 0, 12);
  return Buffer.concat([header, body]);
}

/** What a payload must have at least; throws `RefusedError`. */
function need(payload: Buffer, bytes: number): void {
  if (payload.length < bytes)
    throw new RefusedError(Errno.EINVAL, `${payload.length} bytes behind the header, ${bytes} are needed`);
}

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Throws `MalformedMessageError`: without a version nothing else can be understood. */
export function readVersion(payload: Buffer): Version {
  if (payload.length < 4) throw new MalformedMessageError(`a version in ${payload.length} bytes`);
  const text = payload.toString('utf8', 4).split('\0')[0];
  if (text)
    try {
      JSON.parse(text);
    } catch {
      throw new MalformedMessageError('capabilities that are no JSON');
    }
  return { major: payload.readUInt16LE(0), minor: payload.readUInt16LE(2) };
}

export function version({ major, minor }: Version, capabilities: object): Buffer {
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16LE(major, 0);
  numbers.writeUInt16LE(minor, 2);
  return Buffer.concat([numbers, Buffer.from(`${JSON.stringify({ capabilities })}\0`)]);
}

/** A range of the client's memory. */
export interface DmaRange {
  readonly address: bigint;
  readonly size: bigint;
}

export function readDmaMap(payload: Buffer): DmaRange & { readonly offset: bigint } {
  need(payload, 32);
  return {
    offset: payload.readBigUInt64LE(8),
    address: payload.readBigUInt64LE(16),
    size: payload.readBigUInt64LE(24),
  };
}

/** One range as it was mapped: neither all of them nor dirty pages can be asked for. */
export function readDmaUnmap(payload: Buffer): DmaRange {
  need(payload, 24);
  const flags = payload.readUInt32LE(4);
  if (flags !== 0) throw new RefusedError(Errno.EINVAL, `flags 0x${flags.toString(16)} of an unmapping`);
  return { address: payload.readBigUInt64LE(8), size: payload.readBigUInt64LE(16) };
}

/** A PCI device that can be reset. */
const DEVICE_FLAGS = 0b11;

export function deviceInfo(payload: Buffer, regions: number, irqs: number): Buffer {
  argumentSize(payload, 16);
  const reply = Buffer.alloc(16);
  reply.writeUInt32LE(16, 0);
  reply.writeUInt32LE(DEVICE_FLAGS, 4);
  reply.writeUInt32LE(regions, 8);
  reply.writeUInt32LE(irqs, 12);
  return reply;
}

/** Regions and kinds of interrupt are asked about by their index. */
export function readIndex(payload: Buffer, bytes: number): number {
  argumentSize(payload, bytes);
  return payload.readUInt32LE(8);
}

/** A region that can be read and written. */
const REGION_FLAGS = 0b11;

export function regionInfo(index: number, size: number): Buffer {
  const reply = Buffer.alloc(REGION_INFO_BYTES);
  reply.writeUInt32LE(REGION_INFO_BYTES, 0);
  reply.writeUInt32LE(size === 0 ? 0 : REGION_FLAGS, 4);
  reply.writeUInt32LE(index, 8);
  reply.writeBigUInt64LE(BigInt(size), 16);
  return reply;
}
export const REGION_INFO_BYTES = 32;

/** Attributes of a kind of interrupt. */
export const IrqFlag = { EVENTFD: 1, MASKABLE: 2, AUTOMASKED: 4 } as const;

export function irqInfo(index: number, flags: number, count: number): Buffer {
  const reply = Buffer.alloc(IRQ_INFO_BYTES);
  reply.writeUInt32LE(IRQ_INFO_BYTES, 0);
  reply.writeUInt32LE(flags, 4);
  reply.writeUInt32LE(index, 8);
  reply.writeUInt32LE(count, 12);
  return reply;
}
export const IRQ_INFO_BYTES = 16;

/** What is to be done to some interrupts. */
export interface IrqSet {
  readonly index: number;
  readonly start: number;
  readonly count: number;
  readonly action: 'mask' | 'unmask' | 'trigger';
  /** To which of them: to all, to those for which a byte is not 0, or by an eventfd for each. */
  readonly data: 'none' | 'bool' | 'eventfd';
  readonly bools: Uint8Array;
}

const SET_BYTES = 20;
const DATA = new Map([
  [1, 'none'],
  [2, 'bool'],
  [4, 'eventfd'],
] as const);
const ACTIONS = new Map([
  [8, 'mask'],
  [16, 'unmask'],
  [32, 'trigger'],
] as const);

export function readIrqSet(payload: Buffer): IrqSet {
  argumentSize(payload, SET_BYTES);
  const flags = payload.readUInt32LE(4);
  const data = DATA.get((flags & 7) as 1);
  const action = ACTIONS.get((flags & 0x38) as 8);
  if (data === undefined || action === undefined)
    throw new RefusedError(Errno.EINVAL, `interrupts with flags 0x${flags.toString(16)}`);
  const set = {
    index: payload.readUInt32LE(8),
    start: payload.readUInt32LE(12),
    count: payload.readUInt32LE(16),
    action,
    data,
    bools: payload.subarray(SET_BYTES),
  };
  if (data === 'bool' && set.bools.length < set.count)
    throw new RefusedError(Errno.EINVAL, `${set.bools.length} bytes for ${set.count} interrupts`);
  return set;
}

/** An access to a region. */
export interface RegionAccess {
  readonly offset: number;
  readonly region: number;
  readonly count: number;
}

const ACCESS_BYTES = 16;

export function readAccess(payload: Buffer): RegionAccess {
  need(payload, ACCESS_BYTES);
  return {
    // What is beyond every region stays so.
    offset: Number(payload.readBigUInt64LE(0)),
    region: payload.readUInt32LE(8),
    count: payload.readUInt32LE(12),
  };
}

/** What is to be written. */
export function accessData(payload: Buffer): Buffer {
  return payload.subarray(ACCESS_BYTES);
}

export function access({ offset, region, count }: RegionAccess, data: Uint8Array): Buffer {
  const head = Buffer.alloc(ACCESS_BYTES);
  head.writeBigUInt64LE(BigInt(offset), 0);
  head.writeUInt32LE(region, 8);
  head.writeUInt32LE(count, 12);
  return Buffer.concat([head, data]);
}

/** Whether the client has room for the reply. */
function argumentSize(payload: Buffer, bytes: number): void {
  need(payload, bytes);
  const told = payload.readUInt32LE(0);
  if (told < bytes) throw new RefusedError(Errno.EINVAL, `argsz ${told}, ${bytes} bytes are needed`);
}
