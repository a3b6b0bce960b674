/** Memory for a ring of the legacy interface ("Legacy Interfaces: A Note on Virtqueue Layout"). */
import type { DmaSpace } from '../port/dma-space.js';
import { availRing, descTableBytes, legacyRingLayout, usedRing } from '../wire/split-ring.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type { ContiguousLayout, RingAreas } from './ring.js';

/** Page numbers have so many bits. */
const PAGE_NUMBER_BITS = 32n;
/** Bytes before and behind the block that must stay as they are. */
const GUARD_BYTES = 16;

/**
 * The three parts of a split ring of `size` entries in one block that begins at a page, zeroed; the used ring begins at
 * the next multiple of `align`. The padding between is filled with poison, and guarded like what is beside the block.
 */
export function legacyAreas(
  dma: DmaSpace,
  poison: Poison,
  size: number,
  { page, align }: ContiguousLayout,
): RingAreas {
  const layout = legacyRingLayout(size, align);
  const step = Math.max(align, page);
  // The guard before the block costs a page, since the block has to begin at one.
  const block = dma.alloc(step + layout.bytes + GUARD_BYTES, {
    align: step,
    maxIova: BigInt(page) << PAGE_NUMBER_BITS,
  });
  const part = (at: number, bytes: number, before: number, after: number) =>
    new GuardedBuffer(dma, poison, new Uint8Array(bytes), { block, at: step + at, before, after });
  const availEnd = layout.avail + availRing.bytes(size);
  const usedEnd = layout.used + usedRing.bytes(size);
  return {
    desc: part(layout.desc, descTableBytes(size), GUARD_BYTES, 0),
    driver: part(layout.avail, availRing.bytes(size), 0, layout.used - availEnd),
    device: part(layout.used, usedRing.bytes(size), 0, layout.bytes - usedEnd + GUARD_BYTES),
  };
}
