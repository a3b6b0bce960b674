/** Packed virtqueues (virtio 1.4, "Packed Virtqueues"; linux/virtio_ring.h). */
import { struct, v16, v32, v64 } from './layout.js';

export const pvirtqDesc = struct('pvirtq_desc', { addr: v64, len: v32, id: v16, flags: v16 });
/** Both event suppression structures: `off_wrap` holds offset and wrap counter, `flags` one of `EventFlags`. */
export const pvirtqEventSuppress = struct('pvirtq_event_suppress', { off_wrap: v16, flags: v16 });

/** Descriptor flags; AVAIL and USED follow the wrap counters of driver and device. */
export const PackedDescFlag = {
  NEXT: 1,
  WRITE: 2,
  INDIRECT: 4,
  AVAIL: 1 << 7,
  USED: 1 << 15,
} as const;

/** Values of the two event flag bits; 3 is reserved, DESC is for VIRTIO_F_EVENT_IDX only. */
export const EventFlags = { ENABLE: 0, DISABLE: 1, DESC: 2 } as const;

/** The parts of `flags` and `off_wrap` in an event suppression structure. */
export const EventMask = { flags: 0x0003, offset: 0x7fff, wrap: 0x8000 } as const;

/** Required alignment in bytes of the three parts. */
export const PackedAlign = { desc: 16, driver: 4, device: 4 } as const;

/** Largest number of entries of a packed virtqueue. */
export const PACKED_QUEUE_LIMIT = 1 << 15;

/** Bytes of a descriptor ring of `size` entries. */
export const descRingBytes = (size: number): number => pvirtqDesc.size * size;

/** A place in the ring together with the wrap counter that holds there, as event structures and notifications have it. */
export function offWrap(offset: number, wrap: boolean): number {
  return (offset & EventMask.offset) | (wrap ? EventMask.wrap : 0);
}
