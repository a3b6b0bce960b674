/** Device-reachable buffers with canaries on both sides. */
import type { DmaBlock, DmaSpace } from '../port/dma-space.js';
import type { Poison } from './poison.js';

/** Guard bytes on each side, and the usual alignment. */
const GUARD_BYTES = 16;

/** Where in a block that others share a buffer lies, and how much beside it is nobody's: bytes before and after. */
export interface SharedPlace {
  readonly block: DmaBlock;
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/** A buffer for the device: what it holds at first is known, and so are the bytes around it. */
export class GuardedBuffer {
  /** Address of the first byte for the device. */
  readonly iova: bigint;
  readonly size: number;
  /** The buffer's bytes as the driver sees them. */
  readonly view: Uint8Array;
  /** What the buffer held when it was handed over: poison, or the data to send. */
  initial: Uint8Array;
  /** Its contents were changed while the device may have had it. */
  rewritten = false;
  readonly #block: DmaBlock;
  /** Where the buffer begins in the block. */
  readonly #start: number;
  readonly #poison: Poison;
  /** Bytes of each guard, and where in the pool its poison is from. */
  readonly #before: number;
  readonly #beforeFrom: number;
  readonly #after: number;
  readonly #afterFrom: number;

  /**
   * Allocates `initial.length` bytes holding `initial`, aligned to 16, or, with `tight`, at an address that has just
   * that alignment and none larger. Given a place it allocates nothing.
   */
  constructor(dma: DmaSpace, poison: Poison, initial: Uint8Array, where?: number | SharedPlace) {
    this.size = initial.length;
    this.initial = initial;
    const { block, at, before, after } =
      typeof where === 'object' ? where : ownPlace(dma, initial.length, where);
    this.#block = block;
    this.#start = at;
    this.#poison = poison;
    this.#before = before;
    this.#after = after;
    this.iova = this.#block.iova + BigInt(this.#start);
    this.view = this.#block.view.subarray(this.#start, this.#start + this.size);
    this.#beforeFrom = poison.lay(block.view, at - before, before);
    this.view.set(initial);
    this.#afterFrom = poison.lay(block.view, at + this.size, after);
    this.#block.publish();
  }

  /** Changes what the buffer holds while the device may have it already; what it holds from now on is its own. */
  rewrite(bytes: Uint8Array): void {
    this.rewritten = true;
    this.initial = this.initial.slice();
    this.initial.set(bytes);
    this.view.set(bytes);
    this.publishRange(0, bytes.length);
  }

  /** Brings the device's writes into `view`, guards included. */
  fetch(): void {
    this.#block.fetch();
  }

  /** Brings a part of the buffer into `view`. */
  fetchRange(offset: number, length: number): void {
    this.#block.fetch(this.#start + offset, length);
  }

  /** Makes what was written to `view` visible to the device. */
  publishRange(offset: number, length: number): void {
    this.#block.publish(this.#start + offset, length);
  }

  /** The offset (relative to the buffer) of a changed guard byte, or undefined. Call `fetch` first. */
  brokenGuard(): number | undefined {
    const { view } = this.#block;
    const start = this.#start;
    const before = this.#poison.firstOther(view, start - this.#before, this.#before, this.#beforeFrom);
    if (before >= 0) return before - this.#before;
    const after = this.#poison.firstOther(view, start + this.size, this.#after, this.#afterFrom);
    if (after >= 0) return this.size + after;
    return undefined;
  }

  /** Whether the buffer still holds what it held when it was handed over. Call `fetch` first. */
  unchanged(): boolean {
    return Buffer.compare(this.view, this.initial) === 0;
  }
}

/** A block for one buffer of `size` bytes, with the usual guards. */
function ownPlace(dma: DmaSpace, size: number, tight: number | undefined): SharedPlace {
  // The block begins at a multiple of 64, so an offset of 16, 18 or 20 has an alignment of just 16, 2 or 4.
  const at = tight === undefined || tight >= GUARD_BYTES ? GUARD_BYTES : GUARD_BYTES + tight;
  const block = dma.alloc(at + size + GUARD_BYTES, { align: tight === undefined ? GUARD_BYTES : 64 });
  return { block, at, before: at, after: GUARD_BYTES };
}
