/** What the formats of a virtqueue have in common: areas in memory, and fields in them. */
import type { DmaSpace } from '../port/dma-space.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type { ChainElement, IndirectFrom, RingField } from './ring.js';

/** An area of zeros: `before` if that has the size, new memory otherwise. `tight`: at just the alignment `align`. */
export function ringArea(
  dma: DmaSpace,
  poison: Poison,
  bytes: number,
  { align, tight, before }: { align: number; tight: boolean; before: GuardedBuffer | undefined },
): GuardedBuffer {
  if (before?.size !== bytes) return new GuardedBuffer(dma, poison, zeros(bytes), tight ? align : undefined);
  before.view.fill(0);
  before.publishRange(0, bytes);
  return before;
}

let manyZeros = new Uint8Array(1 << 13);
/** So many zeros, which nobody changes: rings are made for every case. */
function zeros(bytes: number): Uint8Array {
  if (bytes > manyZeros.length) manyZeros = new Uint8Array(bytes);
  return manyZeros.subarray(0, bytes);
}

const countdowns = new Map<number, readonly number[]>();
/** The numbers below `size`, the largest first. */
export function countdown(size: number): number[] {
  let numbers = countdowns.get(size);
  if (numbers === undefined) {
    numbers = Array.from({ length: size }, (_, i) => size - 1 - i);
    countdowns.set(size, numbers);
  }
  return numbers.slice();
}

/** The first area whose guard bytes changed, in words. */
export function firstOverrun(areas: readonly (readonly [string, GuardedBuffer])[]): string | undefined {
  for (const [name, buffer] of areas) {
    buffer.fetch();
    const at = buffer.brokenGuard();
    if (at !== undefined) return `guard of the ${name}, byte ${at}`;
  }
  return undefined;
}

/** The first byte of an area that is not what its owner left there, in words. */
export function firstChange(name: string, now: Uint8Array, asLeft: Uint8Array): string | undefined {
  if (Buffer.compare(now, asLeft) === 0) return undefined;
  const at = now.findIndex((byte, i) => byte !== asLeft[i]);
  return `${name}, byte ${at}: ${hexByte(asLeft[at])} became ${hexByte(now[at])}`;
}

/** The elements of the ring itself: from `indirectFrom` on they are one that refers to a table of the others. */
export function directElements(
  elements: readonly ChainElement[],
  indirectFrom: IndirectFrom,
): readonly ChainElement[] {
  if (indirectFrom === undefined) return elements;
  const table = elements.slice(indirectFrom);
  return [...elements.slice(0, indirectFrom), { iova: 0n, length: 0, writable: false, table }];
}

/** The chains that one used entry returns under VIRTIO_F_IN_ORDER: all of `outstanding`, oldest first, up to `last`. */
export function batchUpTo<T>(last: T, outstanding: Iterable<T>): T[] {
  const batch: T[] = [];
  for (const chain of outstanding) {
    batch.push(chain);
    if (chain === last) break;
  }
  return batch;
}

/** A field of an entry, or the whole entry. Throws RangeError for a field that the entry has not. */
export function entryField(
  buffer: GuardedBuffer,
  at: number,
  layout: {
    readonly size: number;
    readonly fields: Readonly<Record<string, { offset: number; size: number }>>;
  },
  part: string | undefined,
): RingField {
  if (part === undefined) return { buffer, offset: at, size: layout.size };
  const field = layout.fields[part];
  if (field === undefined)
    throw new RangeError(`there is no ${part}; there are ${Object.keys(layout.fields).join(', ')}`);
  return { buffer, offset: at + field.offset, size: field.size };
}

/** The index of an array of `count` entries. Throws RangeError when there is none or it is too large. */
export function entryIndex(path: string, index: number | undefined, count: number): number {
  if (index === undefined || index >= count)
    throw new RangeError(`${path}[${index ?? ''}]: the ring has ${count}`);
  return index;
}

/** What a field holds now. */
export function readRingField({ buffer, offset, size, bits }: RingField): Uint8Array {
  buffer.fetchRange(offset, size);
  const bytes = buffer.view.slice(offset, offset + size);
  if (bits === undefined) return bytes;
  const view = viewOf(bytes);
  view.setUint16(0, (view.getUint16(0, true) >>> bits.shift) & bits.mask, true);
  return bytes;
}

/** Changes a field, of a part of bytes nothing else. */
export function writeRingField({ buffer, offset, bits }: RingField, bytes: Uint8Array): void {
  if (bits === undefined) buffer.view.set(bytes, offset);
  else {
    const view = viewOf(buffer.view);
    const others = view.getUint16(offset, true) & ~(bits.mask << bits.shift);
    view.setUint16(offset, others | ((viewOf(bytes).getUint16(0, true) & bits.mask) << bits.shift), true);
  }
  buffer.publishRange(offset, bytes.length);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Keeps the stores before it from being seen after those behind it, and loads behind it from being made before: x86
 * keeps stores in order by itself, other processors and loads after stores need the fence.
 */
export function fence(): void {
  Atomics.store(FENCE, 0, 1);
}

const FENCE = new Int32Array(1);

function hexByte(value: number | undefined): string {
  return value === undefined ? '??' : value.toString(16).padStart(2, '0');
}
