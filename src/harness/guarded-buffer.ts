/** Device-reachable buffers with canaries on both sides. */
import type { DmaBlock, DmaSpace } from '../port/dma-space.js';
import type { Poison } from './poison.js';

/** Guard bytes on each side; also the largest alignment that a buffer can ask for. */
const GUARD_BYTES = 16;

/** A buffer for the device: what it holds at first is known, and so are the bytes around it. */
export class GuardedBuffer {
  /** Address of the first byte for the device. */
  readonly iova: bigint;
  readonly size: number;
  /** The buffer's bytes as the driver sees them. */
  readonly view: Uint8Array;
  /** What the buffer held when it was handed over: poison, or the data to send. */
  readonly initial: Uint8Array;
  readonly #block: DmaBlock;
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;

  /** Allocates `initial.length` bytes holding `initial`, aligned to 16. */
  constructor(dma: DmaSpace, poison: Poison, initial: Uint8Array) {
    this.size = initial.length;
    this.initial = initial;
    this.#block = dma.alloc(this.size + 2 * GUARD_BYTES, { align: GUARD_BYTES });
    this.iova = this.#block.iova + BigInt(GUARD_BYTES);
    this.view = this.#block.view.subarray(GUARD_BYTES, GUARD_BYTES + this.size);
    this.#before = poison.take(GUARD_BYTES);
    this.#after = poison.take(GUARD_BYTES);
    this.#block.view.set(this.#before);
    this.view.set(initial);
    this.#block.view.set(this.#after, GUARD_BYTES + this.size);
    this.#block.publish();
  }

  /** Brings the device's writes into `view`, guards included. */
  fetch(): void {
    this.#block.fetch();
  }

  /** Brings a part of the buffer into `view`. */
  fetchRange(offset: number, length: number): void {
    this.#block.fetch(GUARD_BYTES + offset, length);
  }

  /** Makes what was written to `view` visible to the device. */
  publishRange(offset: number, length: number): void {
    this.#block.publish(GUARD_BYTES + offset, length);
  }

  /** The offset (relative to the buffer) of a changed guard byte, or undefined. Call `fetch` first. */
  brokenGuard(): number | undefined {
    const { view } = this.#block;
    for (let i = 0; i < GUARD_BYTES; i++) {
      if (view[i] !== this.#before[i]) return i - GUARD_BYTES;
      if (view[GUARD_BYTES + this.size + i] !== this.#after[i]) return this.size + i;
    }
    return undefined;
  }

  /** Whether the buffer still holds what it held when it was handed over. Call `fetch` first. */
  unchanged(): boolean {
    return Buffer.compare(this.view, this.initial) === 0;
  }
}
