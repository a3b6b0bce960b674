/** Memory that the kernel does not move of itself, with the addresses by which a device without an IOMMU reaches it. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { libc, type Mapping } from './libc.js';

/** Bytes of a page. */
export const HUGE_PAGE = 2 ** 21;

/** The kernel's pool of them, below `/sys`. */
export const HUGE_PAGE_POOL = 'kernel/mm/hugepages/hugepages-2048kB';

const PAGE = 4096;
/** An entry of /proc/self/pagemap: the page is there, and the number of its frame. */
const ENTRY_BYTES = 8;
const PRESENT = 1n << 63n;
const FRAME = (1n << 55n) - 1n;

/** How many of the pool nobody has, nor has set aside; 0 where there is no pool. `sys`: where sysfs lies. */
export function freeHugePages(sys = '/sys'): number {
  const count = (name: string) => {
    const file = join(sys, HUGE_PAGE_POOL, name);
    return existsSync(file) ? Number(readFileSync(file, 'latin1')) : 0;
  };
  return count('free_hugepages') - count('resv_hugepages');
}

/** A piece of such memory that is contiguous for the device. */
export interface PhysicalRange {
  /** Address for the device. */
  readonly base: bigint;
  /** Bytes. */
  readonly size: number;
  /** Where it lies in the file. */
  readonly fileOffset: number;
}

/**
 * Huge pages in a file. While somebody has the file they are neither swapped nor compacted, but they are not pinned:
 * who takes memory out of service (soft offlining, hot removal of memory) moves them, and nobody tells the device.
 */
export class HugePages {
  readonly fd: number;
  readonly #mapping: Mapping;
  readonly #count: number;

  /** Takes so many pages from the kernel's pool. Throws `LibcError`: ENOMEM where there are not as many. */
  constructor(count: number) {
    this.#count = count;
    this.fd = libc().memfd('vscsi-dma', count * HUGE_PAGE, true);
    try {
      // The mapping sets the pages aside, so that touching them cannot fail.
      this.#mapping = libc().mapShared(this.fd, 0, count * HUGE_PAGE);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
    for (let page = 0; page < count; page++) this.#mapping.bytes[page * HUGE_PAGE] = 0;
  }

  /**
   * Where they lie, neighbours joined. Undefined where the kernel does not tell this process: it takes CAP_SYS_ADMIN in
   * the machine's own user namespace.
   */
  ranges(): readonly PhysicalRange[] | undefined {
    const pagemap = openSync('/proc/self/pagemap', 'r');
    try {
      const entry = Buffer.alloc(ENTRY_BYTES);
      const ranges: PhysicalRange[] = [];
      for (let page = 0; page < this.#count; page++) {
        const fileOffset = page * HUGE_PAGE;
        const at = (this.#mapping.address + BigInt(fileOffset)) / BigInt(PAGE);
        readSync(pagemap, entry, 0, ENTRY_BYTES, at * BigInt(ENTRY_BYTES));
        const bits = entry.readBigUInt64LE();
        const base = (bits & FRAME) * BigInt(PAGE);
        if ((bits & PRESENT) === 0n || base === 0n) return undefined;
        const last = ranges.at(-1);
        if (last !== undefined && last.base + BigInt(last.size) === base)
          ranges.splice(-1, 1, { ...last, size: last.size + HUGE_PAGE });
        else ranges.push({ base, size: HUGE_PAGE, fileOffset });
      }
      return ranges;
    } finally {
      closeSync(pagemap);
    }
  }

  /** Gives the pages back. No device may have them any more. */
  close(): void {
    this.#mapping.discard();
    closeSync(this.fd);
  }
}
