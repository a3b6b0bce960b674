/** Use of buffers in the order in which they were made available (VIRTIO_F_IN_ORDER), for either format. */
import type { Chain } from './chain.js';
import type { Ring, RingPosition } from './ring.js';

/**
 * Holds a buffer back until all before it are done. Those that had waited then go back together, by one element that
 * names the last; but a buffer that was not written to its end has an element of its own, as the driver takes skipped
 * buffers for used completely ("In-order use of descriptors").
 */
export class InOrderRing implements Ring {
  readonly #ring: Ring;
  /** What the device has, in the order in which it came, and how much of the finished ones was written. */
  readonly #taken: Chain[] = [];
  readonly #done = new Map<Chain, number>();

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get driverPosition(): number {
    return this.#ring.driverPosition;
  }

  get position(): RingPosition {
    return this.#ring.position;
  }

  take(): Chain | undefined {
    const chain = this.#ring.take();
    if (chain) this.#taken.push(chain);
    return chain;
  }

  rearm(): boolean {
    return this.#ring.rearm();
  }

  give(chain: Chain, written: number): boolean {
    this.#done.set(chain, written);
    let due = false;
    let skipped: Chain[] = [];
    for (let first = this.#nextDone(); first !== undefined; first = this.#nextDone()) {
      const { chain: done, written: length } = first;
      this.#taken.shift();
      this.#done.delete(done);
      if (length === done.writableLength && this.#nextDone() !== undefined) {
        skipped.push(done);
        continue;
      }
      due = this.#ring.give(done, length, skipped) || due;
      skipped = [];
    }
    return due;
  }

  /** The oldest buffer of the device if it is done. */
  #nextDone(): { chain: Chain; written: number } | undefined {
    const chain = this.#taken[0];
    const written = chain && this.#done.get(chain);
    return chain === undefined || written === undefined ? undefined : { chain, written };
  }
}
