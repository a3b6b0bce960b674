/** A virtqueue in the format that was negotiated. */
import type { DmaSpace } from '../port/dma-space.js';
import { hasFeature } from '../wire/virtio.js';
import { PackedQueue } from './packed-queue.js';
import type { Poison } from './poison.js';
import type { Ring, RingOptions } from './ring.js';
import { SplitQueue } from './split-queue.js';

/** Makes a ring of `size` entries for a device with which the features `negotiated` were agreed on. */
export function makeRing(
  dma: DmaSpace,
  poison: Poison,
  size: number,
  negotiated: bigint,
  options: Omit<RingOptions, 'eventIdx' | 'inOrder'> = {},
): Ring {
  const Format = hasFeature(negotiated, 'VIRTIO_F_RING_PACKED') ? PackedQueue : SplitQueue;
  return new Format(dma, poison, size, {
    ...options,
    eventIdx: hasFeature(negotiated, 'VIRTIO_F_EVENT_IDX'),
    inOrder: hasFeature(negotiated, 'VIRTIO_F_IN_ORDER'),
  });
}
