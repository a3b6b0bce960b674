/** Split virtqueues (virtio 1.4, "Split Virtqueues"; linux/virtio_ring.h). */
import { struct, v16, v32, v64 } from './layout.js';

export const vringDesc = struct('vring_desc', { addr: v64, len: v32, flags: v16, next: v16 });
export const vringUsedElem = struct('vring_used_elem', { id: v32, len: v32 });

/** Descriptor flags. */
export const DescFlag = { NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
/** Flags of the available ring. */
export const AvailFlag = { NO_INTERRUPT: 1 } as const;
/** Flags of the used ring. */
export const UsedFlag = { NO_NOTIFY: 1 } as const;

/** Entries of the largest split queue ("Split Virtqueues": Queue Size). */
export const SPLIT_QUEUE_LIMIT = 1 << 15;

/** Required alignment in bytes of the three parts. */
export const SplitAlign = { desc: 16, avail: 2, used: 4 } as const;

/** Offsets within the available ring: `flags idx ring[size] used_event`. */
export const availRing = {
  flags: 0,
  idx: 2,
  entry: (slot: number): number => 4 + 2 * slot,
  usedEvent: (size: number): number => 4 + 2 * size,
  bytes: (size: number): number => 6 + 2 * size,
} as const;

/** Offsets within the used ring: `flags idx ring[size] avail_event`. */
export const usedRing = {
  flags: 0,
  idx: 2,
  entry: (slot: number): number => 4 + vringUsedElem.size * slot,
  availEvent: (size: number): number => 4 + vringUsedElem.size * size,
  bytes: (size: number): number => 6 + vringUsedElem.size * size,
} as const;

/** Bytes of a descriptor table of `size` entries. */
export const descTableBytes = (size: number): number => vringDesc.size * size;

/** Offsets of the parts in one contiguous block, as the legacy interface has them, and its size in bytes. */
export interface LegacyRingLayout {
  readonly desc: number;
  readonly avail: number;
  readonly used: number;
  readonly bytes: number;
}

/**
 * The contiguous layout ("Legacy Interfaces: A Note on Virtqueue Layout"): the used ring begins at the next multiple of
 * `align`, a power of two, and the block ends at one.
 */
export function legacyRingLayout(size: number, align: number): LegacyRingLayout {
  const up = (offset: number) => Math.ceil(offset / align) * align;
  const avail = descTableBytes(size);
  const used = up(avail + availRing.bytes(size));
  return { desc: 0, avail, used, bytes: used + up(usedRing.bytes(size)) };
}

/**
 * Whether the counter that moved from `before` to `now` crossed `event`: the rule by which both sides decide on a
 * notification when VIRTIO_F_EVENT_IDX is negotiated ("Used Buffer Notification Suppression"). All are modulo 2^16.
 */
export function crossedEvent(event: number, now: number, before: number): boolean {
  return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
}
