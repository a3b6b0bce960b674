/** The registers of one virtqueue, and the ring once it is in use. */
import { VIRTIO_MSI_NO_VECTOR } from '../../wire/virtio-pci.js';
import { LEGACY_PAGE_SIZE } from '../../wire/virtio-pci-legacy.js';
import type { QueuePart } from '../behaviours.js';
import { FRESH_RING, type Ring, type RingPosition } from './ring.js';

/** Where queue_notif_config_data begins: at no index, so that a driver that sends the index is found out. */
const NOTIFY_DATA_BASE = 0x5a00;

/** A virtqueue as the transport configures it. */
export class Virtqueue {
  readonly index: number;
  /** queue_notif_config_data. */
  readonly notifyData: number;
  /** Largest size that the device supports. */
  readonly maxSize: number;
  size: number;
  descriptors = 0n;
  driver = 0n;
  device = 0n;
  enabled = false;
  /** Page number by which a legacy driver placed the queue; 0 is none. */
  page = 0;
  /** Alignment in bytes of the used ring, where the driver chooses it. */
  align = LEGACY_PAGE_SIZE;
  vector: number = VIRTIO_MSI_NO_VECTOR;
  /** Where the ring begins, once it is in use. */
  start: RingPosition = FRESH_RING;
  ring: Ring | undefined;

  constructor(index: number, maxSize: number) {
    this.index = index;
    this.notifyData = NOTIFY_DATA_BASE + 3 * index;
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  /** Back to the state after a device reset or a queue reset, part by part; the vector only if it is told so. */
  reset(resets: (part: QueuePart) => boolean): void {
    if (resets('size')) {
      this.size = this.maxSize;
      this.align = LEGACY_PAGE_SIZE;
    }
    if (resets('addresses')) {
      this.descriptors = 0n;
      this.driver = 0n;
      this.device = 0n;
      this.page = 0;
    }
    if (resets('enable')) this.enabled = false;
    if (resets('ring')) {
      this.ring = undefined;
      this.start = FRESH_RING;
    }
    if (resets('vector')) this.vector = VIRTIO_MSI_NO_VECTOR;
  }

  /** Out of use, so that it can be set up anew. */
  stop(): void {
    this.enabled = false;
    this.page = 0;
    this.ring = undefined;
    this.start = FRESH_RING;
  }

  /** Takes over a size written by the driver, unless it is 0, too large or, for a split ring, no power of two. */
  resize(size: number, packed: boolean): void {
    if (size > 0 && size <= this.maxSize && (packed || (size & (size - 1)) === 0)) this.size = size;
  }
}
