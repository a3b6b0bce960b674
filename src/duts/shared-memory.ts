/** Memory that a device in another process maps, or that the kernel reaches: an anonymous file, by addresses of a guest. */

import { HUGE_PAGE } from '../sys/huge-pages.js';
import { libc, type Mapping } from '../sys/libc.js';
import { type GuestMemory, type GuestRegion, HeldMemory } from './guest-memory.js';

const MIB = 2 ** 20;

/** Below and above 4 GiB, with a hole between; neither begins at 0, so that no address is an offset. */
export const SHARED_REGIONS: readonly GuestRegion[] = [
  { base: 16 * MIB, size: 64 * MIB, fileOffset: 0 },
  { base: 2 ** 32 + 16 * MIB, size: 64 * MIB, fileOffset: 64 * MIB },
];

/** Bytes of all of it. */
export const SHARED_BYTES = Math.max(...SHARED_REGIONS.map(({ fileOffset, size }) => fileOffset + size));

/** A region as a memory table has it. */
export interface SharedRegion {
  /** Guest address. */
  readonly iova: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Where it lies in this process. */
  readonly userAddress: bigint;
  /** Where it lies in the file. */
  readonly fileOffset: bigint;
}

/** The memory of one port. */
export class SharedMemory {
  readonly fd: number;
  readonly held: HeldMemory;
  readonly regions: readonly SharedRegion[];
  readonly #mappings: Mapping[] = [];

  /**
   * `places`: where the regions lie instead, each with its size and its place in the file. `hugePages`: on huge pages of
   * 2 MiB, of which 64 have to be free. Throws `LibcError`.
   */
  constructor({
    places = SHARED_REGIONS,
    hugePages = false,
  }: { readonly places?: readonly GuestRegion[]; readonly hugePages?: boolean } = {}) {
    this.fd = libc().memfd('vscsi-guest', SHARED_BYTES, hugePages);
    const regions: SharedRegion[] = [];
    try {
      this.held = new HeldMemory(places, ({ base, size: length, fileOffset }) => {
        const mapping = libc().mapShared(this.fd, fileOffset, length);
        this.#mappings.push(mapping);
        // A page that was set aside and never touched is not given back before the process ends.
        if (hugePages) for (let at = 0; at < length; at += HUGE_PAGE) mapping.bytes[at] = 0;
        regions.push({
          iova: BigInt(base),
          size: BigInt(length),
          userAddress: mapping.address,
          fileOffset: BigInt(fileOffset),
        });
        return mapping;
      });
    } catch (error) {
      this.close();
      throw error;
    }
    this.regions = regions;
  }

  get dma(): GuestMemory {
    return this.held.dma;
  }

  /** The address in this process of a guest address; undefined for one that is no memory. */
  userAddress(iova: bigint): bigint | undefined {
    const home = this.regions.find((region) => iova >= region.iova && iova < region.iova + region.size);
    return home && home.userAddress + (iova - home.iova);
  }

  /** Closes the file. The mapping must outlive its views; its pages need not. */
  close(): void {
    for (const mapping of this.#mappings) mapping.discard();
    libc().close(this.fd);
  }
}
