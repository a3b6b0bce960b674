/** Allocation in the model's memory. */
import type { MemoryRegion } from '../../model/memory.js';
import type { AllocOptions, DmaBlock, DmaMark, DmaSpace } from '../../port/dma-space.js';
import { PortError } from '../../port/errors.js';

/** Fill levels of the regions in bytes, and the region whose turn it is. */
interface Level {
  readonly used: readonly number[];
  readonly turn: number;
}

/** Bytes kept free before each block, so that neighbours do not touch. */
const GAP = 64;

/** A block whose view is the device's memory itself. */
function mappedBlock(iova: bigint, memory: Uint8Array): DmaBlock {
  return { iova, size: memory.length, view: memory, publish: () => {}, fetch: () => {} };
}

/** A block whose view is a copy that `publish` and `fetch` keep in step. */
function copiedBlock(iova: bigint, memory: Uint8Array): DmaBlock {
  const view = new Uint8Array(memory.length);
  const copy =
    (from: Uint8Array, to: Uint8Array) =>
    (offset = 0, length = from.length - offset) =>
      to.set(from.subarray(offset, offset + length), offset);
  return { iova, size: memory.length, view, publish: copy(view, memory), fetch: copy(memory, view) };
}

/** Takes blocks from the regions in turn, so that addresses of all of them are in use at any time. */
export class ModelDmaSpace implements DmaSpace {
  readonly mapped: boolean;
  readonly #regions: readonly MemoryRegion[];
  readonly #used: number[];
  #turn = 0;

  constructor(regions: readonly MemoryRegion[], copying: boolean) {
    this.mapped = !copying;
    this.#regions = regions;
    this.#used = regions.map(() => 0);
  }

  alloc(size: number, options: AllocOptions = {}): DmaBlock {
    for (let tries = 0; tries < this.#regions.length; tries++) {
      const index = this.#turn;
      this.#turn = (this.#turn + 1) % this.#regions.length;
      const memory = this.#take(index, size, options);
      if (memory) return memory;
    }
    const limit = options.maxIova === undefined ? '' : ` up to 0x${options.maxIova.toString(16)}`;
    throw new PortError('DMA_EXHAUSTED', `no region of the model has room for ${size} bytes${limit}`);
  }

  mark(): DmaMark {
    const level: Level = { used: [...this.#used], turn: this.#turn };
    return level as unknown as DmaMark;
  }

  release(mark: DmaMark): void {
    const level = mark as unknown as Level;
    this.#used.splice(0, Infinity, ...level.used);
    this.#turn = level.turn;
  }

  #take(index: number, size: number, { align = 1, minIova, maxIova }: AllocOptions): DmaBlock | undefined {
    const region = this.#regions[index];
    if (region === undefined) return undefined;
    const step = BigInt(align);
    const from = region.iova + BigInt((this.#used[index] ?? 0) + GAP);
    const iova = ((from + step - 1n) / step) * step;
    const offset = Number(iova - region.iova);
    if (offset + size > region.bytes.length) return undefined;
    if (minIova !== undefined && iova < minIova) return undefined;
    if (maxIova !== undefined && iova + BigInt(size) > maxIova) return undefined;
    this.#used[index] = offset + size;
    const memory = region.bytes.subarray(offset, offset + size);
    memory.fill(0);
    return this.mapped ? mappedBlock(iova, memory) : copiedBlock(iova, memory);
  }
}
