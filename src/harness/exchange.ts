/** A chain of buffers that was given to the device, and what came back of it. */
import type { DmaSpace } from '../port/dma-space.js';
import { copyOf } from '../wire/fresh-bytes.js';
import { DescFlag } from '../wire/split-ring.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type { RequestSizes, ScsiRequest } from './request.js';
import type { Chain, ChainElement, UsedEntry } from './ring.js';

/** Buffers in memory, in the order in which the device finds them. */
export interface Placed {
  readonly out: readonly GuardedBuffer[];
  readonly in: readonly GuardedBuffer[];
  readonly elements: readonly ChainElement[];
  /** What the writable part held at first, as one run of bytes; left out where only the buffers know. */
  readonly poison?: Uint8Array;
  /** Bytes that the device may write by what the descriptors say, where that is not the size of the buffers. */
  readonly writableLength?: number;
}

/**
 * Bytes of the device-writable descriptors, as they say themselves. Links and tables written by hand may lead to
 * anything, any number of times.
 */
export function writableLength(elements: readonly ChainElement[]): number {
  return elements.reduce((sum, { length, writable, overrides = {}, table }) => {
    const { len, flags, next } = overrides;
    const anywhere = table ? len !== undefined : ((flags ?? 0) & DescFlag.INDIRECT) !== 0;
    if (anywhere || next !== undefined) return Number.POSITIVE_INFINITY;
    if (table) return sum + writableLength(table);
    const isWritable = flags === undefined ? writable : (flags & DescFlag.WRITE) !== 0;
    return sum + (isWritable ? (len ?? length) : 0);
  }, 0);
}

/** What the device left in the writable part. */
export interface Answer {
  /** What the ring says was written; undefined where it says nothing that a driver may rely on. */
  readonly usedLen: number | undefined;
  /** The whole writable part, as one run of bytes. */
  readonly bytes: Uint8Array;
  /** What it held before. */
  readonly poison: Uint8Array;
}

/**
 * A chain on its way. All that is learnt of it later has its place from the start: an object that grows is moved each
 * time, and there is one for every transaction.
 */
export interface Exchange {
  /** Index of the queue. */
  readonly queue: number;
  readonly placed: Placed;
  readonly chain: Chain;
  /** Present where the chain is a SCSI command: the layout of its answer follows from it. */
  readonly scsi?: { readonly request: ScsiRequest; readonly sizes: RequestSizes } | undefined;
  /** Set when the device has returned it. */
  answer?: Answer | undefined;
  /** How the ring returned it. */
  used?: UsedEntry | undefined;
  /** Position in the order of returns, over all queues. */
  returned?: number | undefined;
  /** The look at all rings by which it was seen; what was seen by the same one on other queues has no order. */
  look?: number | undefined;
  /** Whether the queue's vector was raised for it; undefined where none was due. */
  interrupted?: boolean | undefined;
}

/** Cuts `total` bytes into the given sizes plus what they leave over; throws RangeError when they exceed it. */
export function cut(total: number, sizes: readonly number[]): number[] {
  const out: number[] = [];
  let left = total;
  for (const size of sizes) {
    if (size > left) throw new RangeError(`the pieces ${sizes.join(', ')} exceed the ${total} bytes to cut`);
    if (size > 0) out.push(size);
    left -= size;
  }
  if (left > 0) out.push(left);
  return out;
}

/** What a chain holds: readable bytes, and what its writable part holds before the device writes it. */
export interface Contents {
  readonly readable: Uint8Array;
  readonly writable: Uint8Array;
}

/** Puts bytes into memory, each piece a guarded buffer of its own, readable ones first. */
export function place(
  dma: DmaSpace,
  poison: Poison,
  { readable, writable }: Contents,
  cuts: { readonly out: readonly number[]; readonly in: readonly number[] },
): Placed {
  const pieces = (bytes: Uint8Array, sizes: readonly number[]): GuardedBuffer[] => {
    let at = 0;
    return cut(bytes.length, sizes).map((size) => {
      at += size;
      return new GuardedBuffer(dma, poison, bytes.subarray(at - size, at));
    });
  };
  const out = pieces(readable, cuts.out);
  const inPieces = pieces(writable, cuts.in);
  const element = (isWritable: boolean) => (buffer: GuardedBuffer) => ({
    iova: buffer.iova,
    length: buffer.size,
    writable: isWritable,
  });
  return {
    out,
    in: inPieces,
    elements: [...out.map(element(false)), ...inPieces.map(element(true))],
    poison: writable,
  };
}

/** Reads back what the device left in the writable part. */
export function readAnswer(placed: Placed, { len, writeFlag }: Pick<UsedEntry, 'len' | 'writeFlag'>): Answer {
  for (const buffer of placed.in) buffer.fetch();
  const [first] = placed.in;
  const single = placed.in.length === 1 && first !== undefined;
  // A copy: the device may go on writing, and what was judged must be what is reported.
  const bytes = single ? copyOf(first.view) : Buffer.concat(placed.in.map((buffer) => buffer.view));
  const known = placed.in.some(({ rewritten }) => rewritten) ? undefined : placed.poison;
  const poison = known ?? Buffer.concat(placed.in.map((buffer) => buffer.initial));
  // Without the flag the length is reserved ("Element Address and Length").
  return { usedLen: writeFlag === false ? undefined : len, bytes, poison };
}
