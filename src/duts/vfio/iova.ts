/** Where the memory of the suite lies for the device. */
import type { GuestRegion } from '../guest-memory.js';
import type { IovaRange } from './ioctls.js';

/** Boundaries of the kernel's pages, and of large pages, which an IOMMU maps in one piece. */
const ALIGN = 2 ** 21;

/** A region moved into the first range that has room at or above where it wants to be; undefined where none has. */
export function placed(
  wanted: GuestRegion,
  ranges: readonly IovaRange[] | undefined,
): GuestRegion | undefined {
  if (ranges === undefined) return wanted;
  const limit = wanted.base < 2 ** 32 ? 2 ** 32 : Number.MAX_SAFE_INTEGER;
  for (const { first, last } of [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const base = Math.max(wanted.base, Math.ceil(Number(first) / ALIGN) * ALIGN);
    if (base + wanted.size <= limit && BigInt(base + wanted.size - 1) <= last) return { ...wanted, base };
  }
  return undefined;
}
