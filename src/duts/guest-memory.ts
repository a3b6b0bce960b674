/** Memory of a guest as DMA space, as a machine or a vhost back-end sees it. */
import type { AllocOptions, DmaBlock, DmaMark, DmaSpace } from '../port/dma-space.js';
import { PortError } from '../port/errors.js';
import type { Mapping } from '../sys/libc.js';

/** A range of guest-physical addresses that is memory. */
export interface GuestRegion {
  readonly base: number;
  readonly size: number;
  /** Where it lies in the memory file, if there is one. */
  readonly fileOffset: number;
}

/** A mark is a fill level for each region. */
type Levels = readonly number[] & DmaMark;

/**
 * A stack of blocks in each region, filled from the first region on: blocks are given back in the reverse order, case
 * by case, so nothing finer is needed.
 */
export class GuestMemory implements DmaSpace {
  readonly mapped: boolean;
  readonly #regions: readonly GuestRegion[];
  readonly #used: number[];
  readonly #makeBlock: (iova: number, size: number) => DmaBlock;

  /** `makeBlock` makes a block of memory that is in one of the regions; `mapped` as `DmaSpace` has it. */
  constructor(
    regions: readonly GuestRegion[],
    makeBlock: (iova: number, size: number) => DmaBlock,
    mapped: boolean,
  ) {
    this.#regions = regions;
    this.#used = regions.map(() => 0);
    this.#makeBlock = makeBlock;
    this.mapped = mapped;
  }

  /** Memory that this process has mapped; `map` maps one region. */
  static mapped(
    regions: readonly GuestRegion[],
    map: (region: GuestRegion) => Pick<Mapping, 'bytes'>,
  ): GuestMemory {
    return new HeldMemory(regions, map).dma;
  }

  alloc(size: number, options: AllocOptions = {}): DmaBlock {
    const { align = 1, minIova, maxIova } = options;
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is no size of a block`);
    if (!Number.isSafeInteger(align) || align < 1 || !Number.isInteger(Math.log2(align))) {
      throw new RangeError(`An alignment must be a power of two; got ${align}`);
    }
    for (const [index, region] of this.#regions.entries()) {
      const free = region.base + (this.#used[index] ?? 0);
      const start = Math.ceil(free / align) * align;
      const end = start + size;
      if (end > region.base + region.size) continue;
      if (minIova !== undefined && BigInt(start) < minIova) continue;
      if (maxIova !== undefined && BigInt(end) > maxIova) continue;
      this.#used[index] = end - region.base;
      return this.#makeBlock(start, size);
    }
    const below = maxIova === undefined ? '' : ` below 0x${maxIova.toString(16)}`;
    const room = this.#regions.map((region, index) => region.size - (this.#used[index] ?? 0)).join(' and ');
    throw new PortError(
      'DMA_EXHAUSTED',
      `No room for ${size} bytes aligned to ${align}${below}: ${room} bytes are left`,
    );
  }

  mark(): DmaMark {
    return [...this.#used] as unknown as Levels;
  }

  release(mark: DmaMark): void {
    for (const [index, level] of (mark as Levels).entries()) {
      if (level > (this.#used[index] ?? 0)) throw new RangeError('The mark is newer than what is allocated');
      this.#used[index] = level;
    }
  }
}

/** Memory that is in this process, and what is at which address. */
export class HeldMemory {
  readonly dma: GuestMemory;
  readonly #pieces: readonly { readonly region: GuestRegion; readonly bytes: Uint8Array }[];

  /** `hold` gets hold of the bytes of one region. */
  constructor(
    regions: readonly GuestRegion[],
    hold: (region: GuestRegion) => { readonly bytes: Uint8Array },
  ) {
    this.#pieces = regions.map((region) => ({ region, bytes: hold(region).bytes }));
    this.dma = new GuestMemory(
      regions,
      (iova, size) => {
        const bytes = this.at(iova, size);
        if (bytes === undefined) throw new RangeError(`No region holds 0x${iova.toString(16)}`);
        return new MappedBlock(iova, bytes);
      },
      true,
    );
  }

  /** The memory itself; undefined unless all of it lies in one region. */
  at(iova: number, length: number): Uint8Array | undefined {
    const home = this.#pieces.find(
      ({ region }) => iova >= region.base && iova + length <= region.base + region.size,
    );
    return home?.bytes.subarray(iova - home.region.base, iova - home.region.base + length);
  }
}

/** A block whose view is the device's memory. */
class MappedBlock implements DmaBlock {
  readonly iova: bigint;
  readonly size: number;
  readonly view: Uint8Array;

  constructor(iova: number, view: Uint8Array) {
    this.iova = BigInt(iova);
    this.size = view.length;
    this.view = view.fill(0);
  }

  publish(): void {}
  fetch(): void {}
}
