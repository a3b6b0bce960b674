/** How the driver lays out its rings: the axes of a run apart from the transport. */
import { featureSet } from '../wire/virtio.js';

/** Names as the case language has them (`modes`). */
export interface RingMode {
  readonly ring: 'split' | 'packed';
  /** `on`: requests go to indirect tables unless a case says how they are cut. */
  readonly indirect: 'on' | 'off';
  /** `on`: VIRTIO_F_EVENT_IDX is negotiated. */
  readonly event_idx: 'on' | 'off';
}

export const DEFAULT_RING_MODE: RingMode = { ring: 'split', indirect: 'off', event_idx: 'off' };

/** The features without which a mode does not exist. */
export function featuresOfMode({ ring, indirect, event_idx }: RingMode): bigint {
  return (
    (ring === 'packed' ? featureSet('VIRTIO_F_RING_PACKED') : 0n) |
    (indirect === 'on' ? featureSet('VIRTIO_F_INDIRECT_DESC') : 0n) |
    (event_idx === 'on' ? featureSet('VIRTIO_F_EVENT_IDX') : 0n)
  );
}
