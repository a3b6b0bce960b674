/** A packed ring as the device's side reads and writes it, by numbers of the standard: a few lines, for tests only. */
import type { FakeMemory } from './fake-device.js';

/** A chain that was found in the ring. */
export interface FoundChain {
  readonly id: number;
  readonly slots: readonly number[];
  readonly elements: readonly {
    readonly iova: bigint;
    readonly length: number;
    readonly writable: boolean;
  }[];
}

export class PackedReader {
  readonly #memory: FakeMemory;
  readonly #ring: number;
  readonly #size: number;
  #availAt = 0;
  #availWrap = true;
  #usedAt = 0;
  #usedWrap = true;

  constructor(memory: FakeMemory, ring: bigint, size: number) {
    this.#memory = memory;
    this.#ring = memory.at(ring);
    this.#size = size;
  }

  /** Chains made available since the last call. */
  available(): FoundChain[] {
    const found: FoundChain[] = [];
    for (let chain = this.#chain(); chain !== undefined; chain = this.#chain()) found.push(chain);
    return found;
  }

  /** Writes a used descriptor where the next one belongs, for a group of `skip` descriptors. */
  use(id: number, len: number, skip: number, written = true): number {
    const slot = this.#usedAt;
    const at = this.#ring + 16 * slot;
    this.#memory.view.setUint32(at + 8, len, true);
    this.#memory.view.setUint16(at + 12, id, true);
    this.#memory.view.setUint16(at + 14, (this.#usedWrap ? 0x8080 : 0) | (written ? 2 : 0), true);
    this.#usedAt += skip;
    if (this.#usedAt >= this.#size) {
      this.#usedAt -= this.#size;
      this.#usedWrap = !this.#usedWrap;
    }
    return slot;
  }

  #chain(): FoundChain | undefined {
    const { view } = this.#memory;
    const slots: number[] = [];
    const elements: FoundChain['elements'][number][] = [];
    for (let slot = this.#availAt, wrap = this.#availWrap; ; ) {
      const at = this.#ring + 16 * slot;
      const flags = view.getUint16(at + 14, true);
      // The first tells whether there is a chain; the others were written before it.
      if (((flags & 0x80) !== 0) !== wrap || ((flags & 0x8000) !== 0) === wrap) {
        if (slots.length === 0) return undefined;
        throw new Error(`descriptor ${slot} of a chain is not available`);
      }
      slots.push(slot);
      if (slots.length > this.#size) throw new Error('a chain is longer than the ring');
      const iova = view.getBigUint64(at, true);
      const length = view.getUint32(at + 8, true);
      if ((flags & 4) !== 0) elements.push(...this.#table(iova, length));
      else elements.push({ iova, length, writable: (flags & 2) !== 0 });
      slot++;
      if (slot === this.#size) {
        slot = 0;
        wrap = !wrap;
      }
      if ((flags & 1) === 0) {
        this.#availAt = slot;
        this.#availWrap = wrap;
        return { id: view.getUint16(at + 12, true), slots, elements };
      }
    }
  }

  #table(iova: bigint, length: number): FoundChain['elements'][number][] {
    const { view } = this.#memory;
    return Array.from({ length: length / 16 }, (_, i) => {
      const at = this.#memory.at(iova) + 16 * i;
      const flags = view.getUint16(at + 14, true);
      if ((flags & ~2) !== 0) throw new Error(`flags ${flags} in a table`);
      return {
        iova: view.getBigUint64(at, true),
        length: view.getUint32(at + 8, true),
        writable: (flags & 2) !== 0,
      };
    });
  }
}
