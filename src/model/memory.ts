/** The memory that the model reaches by DMA. */
import { DmaFault, ModelConfigError } from './errors.js';
import type { Random } from './random.js';

/** A contiguous piece of memory and the address by which the device knows it. */
export interface MemoryRegion {
  readonly iova: bigint;
  readonly bytes: Uint8Array;
}

const PAGE = 4096n;
const FOUR_GIB = 1n << 32n;
/** Addresses from here up to 4 GiB are for BARs. */
const DEVICES = 0xf000_0000n;

/** Several regions with holes between them. An access must lie within one region. */
export class ModelMemory {
  #regions: readonly MemoryRegion[];
  /** Told of memory before the model looks at it, once or for as long as it likes: the bytes may have to be brought. */
  onAccess: (iova: bigint, length: number, kept: boolean) => void = () => {};

  constructor(regions: readonly MemoryRegion[]) {
    const sorted = [...regions].sort((a, b) => (a.iova < b.iova ? -1 : 1));
    for (const [at, region] of sorted.entries()) {
      const next = sorted[at + 1];
      // Touching regions would make a block that crosses from one into the other look right on half of all seeds.
      if (next && region.iova + BigInt(region.bytes.length) >= next.iova)
        throw new ModelConfigError('memory regions overlap or touch');
    }
    this.#regions = sorted;
  }

  get regions(): readonly MemoryRegion[] {
    return this.#regions;
  }

  /** Whether there is memory at an address. */
  has(address: bigint): boolean {
    return this.#regions.some(({ iova, bytes }) => address >= iova && address < iova + BigInt(bytes.length));
  }

  /** Other memory in place of what there was. Throws `ModelConfigError` when regions overlap. */
  replace(regions: readonly MemoryRegion[]): void {
    const sorted = [...regions].sort((a, b) => (a.iova < b.iova ? -1 : 1));
    for (const [at, { iova, bytes }] of sorted.entries()) {
      const next = sorted[at + 1];
      if (next && iova + BigInt(bytes.length) > next.iova)
        throw new ModelConfigError('memory regions overlap');
    }
    this.#regions = sorted;
  }

  /**
   * Regions of the given sizes at random page-aligned addresses, alternately below and above 4 GiB.
   * Every address is beyond every size, so that no address is ever equal to an offset.
   */
  static randomised(sizes: readonly number[], random: Random): ModelMemory {
    const largest = sizes.reduce((sum, size) => sum + BigInt(size), 0n);
    const slots = BigInt(Math.ceil(sizes.length / 2));
    const regions = sizes.map((size, index): MemoryRegion => {
      const slot = BigInt(index >> 1);
      const [from, to] = index % 2 === 0 ? [largest + PAGE, DEVICES] : [FOUR_GIB + PAGE, 1n << 44n];
      const share = (to - from) / slots;
      const room = (share - BigInt(size) - 2n * PAGE) / PAGE;
      if (room <= 0n) throw new ModelConfigError(`a region of ${size} bytes does not fit below 4 GiB`);
      const pick = ((BigInt(random.next()) << 32n) | BigInt(random.next())) % room;
      const base = from + slot * share + pick * PAGE;
      return { iova: ((base + PAGE - 1n) / PAGE) * PAGE, bytes: new Uint8Array(size) };
    });
    return new ModelMemory(regions);
  }

  /** The memory itself (not a copy) at `iova`, `kept` to be looked at again and again; throws `DmaFault` unless all of it lies in one region. */
  at(iova: bigint, length: number, kept = false): Uint8Array {
    for (const { iova: base, bytes } of this.#regions) {
      if (iova < base) break;
      // Where a number does not hold it exactly it is beyond every region.
      const offset = Number(iova - base);
      if (offset + length > bytes.length) continue;
      this.onAccess(iova, length, kept);
      return bytes.subarray(offset, offset + length);
    }
    throw new DmaFault(iova, length);
  }
}
