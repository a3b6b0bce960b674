/** The model as far as a vhost back-end has it: features, configuration, status and rings, without any register. */
import { EventMask, offWrap } from '../../wire/packed-ring.js';
import { DeviceStatus, featureSet, hasFeature } from '../../wire/virtio.js';
import type { AccessWidth, RegisterRange } from '../register-window.js';
import type { Transport, VirtioDevice } from '../virtio/device.js';
import type { Virtqueue } from '../virtio/queue.js';
import type { RingPosition } from '../virtio/ring.js';

/** What the device has to say on its own. */
export interface VhostListener {
  /** The used buffers of a queue are to be announced. */
  used(queue: number): void;
  /** The device configuration has changed. */
  configChanged(): void;
  /** The device can do nothing any more until it is reset. */
  failed(): void;
}

/** A ring as a front-end describes it; addresses are those of the device's memory. */
export interface PlacedRing {
  readonly size: number;
  readonly descriptors: bigint;
  readonly driver: bigint;
  readonly device: bigint;
  /** Split: the available index. Packed: see `packedPosition`. */
  readonly base: number;
}

const DEAF: VhostListener = { used: () => {}, configChanged: () => {}, failed: () => {} };

/** A device behind a front-end. */
export class VhostDevice implements Transport {
  readonly interfaces = 'non-transitional';
  /** These are carried out by registers, by what notifications say, or by an IOMMU, none of which there is. */
  readonly undefinedFeatures = featureSet(
    'VIRTIO_F_ACCESS_PLATFORM',
    'VIRTIO_F_NOTIFICATION_DATA',
    'VIRTIO_F_NOTIF_CONFIG_DATA',
    'VIRTIO_F_RING_RESET',
  );
  readonly mayAccessMemory = true;
  listener: VhostListener = DEAF;
  readonly #device: VirtioDevice;
  readonly #config: RegisterRange;
  readonly configSize: number;

  /** `config` is the device configuration of so many bytes, addressed from 0. */
  constructor(device: VirtioDevice, config: RegisterRange, configSize: number) {
    this.#device = device;
    this.#config = config;
    this.configSize = configSize;
    device.connect(this);
  }

  // ---- as a transport of the device

  notifyUsed(queue: Virtqueue): void {
    this.listener.used(queue.index);
  }

  notifyConfig(): void {
    if (this.#device.status & DeviceStatus.DEVICE_NEEDS_RESET) this.listener.failed();
    else this.listener.configChanged();
  }

  reset(): void {}

  // ---- for a back-end

  get queueCount(): number {
    return this.#device.queues.length;
  }

  get features(): bigint {
    return this.#device.offered;
  }

  get status(): number {
    return this.#device.status;
  }

  /** A status that the front-end passes on; 0 resets. */
  set status(value: number) {
    this.#device.writeStatus(value);
  }

  /** What the driver has chosen; counts when FEATURES_OK is set. */
  chooseFeatures(features: bigint): void {
    this.#device.writeDriverFeatures(0, Number(features & 0xffff_ffffn));
    this.#device.writeDriverFeatures(1, Number(features >> 32n));
  }

  get negotiated(): bigint {
    return this.#device.negotiated;
  }

  resetDevice(): void {
    this.#device.reset();
  }

  readConfig(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (const { at, width } of accesses(offset, length)) {
      const value = this.#config.read(offset + at, width);
      for (let i = 0; i < width; i++) out[at + i] = (value >>> (8 * i)) & 0xff;
    }
    return out;
  }

  writeConfig(offset: number, data: Uint8Array): void {
    for (const { at, width } of accesses(offset, data.length)) {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 0x100 + (data[at + i] ?? 0);
      this.#config.write(offset + at, width, value);
    }
  }

  /** Places a stopped ring. Whether the device can have one like that. */
  place(index: number, { size, descriptors, driver, device, base }: PlacedRing): boolean {
    const queue = this.#device.queues[index];
    if (queue === undefined) return false;
    const packed = hasFeature(this.#device.negotiated, 'VIRTIO_F_RING_PACKED');
    queue.stop();
    queue.resize(size, packed);
    if (queue.size !== size) return false;
    queue.descriptors = descriptors;
    queue.driver = driver;
    queue.device = device;
    queue.start = packed ? packedPosition(base, size) : { taken: base & 0xffff, used: undefined };
    return true;
  }

  /** Has a placed ring served, or not. */
  enable(index: number, enabled: boolean): void {
    const queue = this.#device.queues[index];
    if (queue) queue.enabled = enabled;
  }

  kick(index: number): void {
    const queue = this.#device.queues[index];
    if (queue) this.#device.kick(queue);
  }

  /** Takes a ring out of service; what came from it is finished first, since it cannot be returned afterwards. Where it stands. */
  stop(index: number): number {
    const queue = this.#device.queues[index];
    if (queue === undefined) return 0;
    this.#device.finish();
    const { start, size, ring } = queue;
    const position = ring?.position ?? start;
    this.#device.stopQueue(queue);
    queue.start = position;
    return hasFeature(this.#device.negotiated, 'VIRTIO_F_RING_PACKED')
      ? packedBase(position, size)
      : position.taken;
  }
}

/** Single accesses that make up a range, of the widths and at the alignments that fields have. */
function* accesses(offset: number, length: number): Generator<{ at: number; width: AccessWidth }> {
  for (let at = 0; at < length; ) {
    const left = length - at;
    const place = offset + at;
    const width = place % 4 === 0 && left >= 4 ? 4 : place % 2 === 0 && left >= 2 ? 2 : 1;
    yield { at, width };
    at += width;
  }
}

const USED_SHIFT = 16;

/** Offset and wrap counter of what is taken next in the low half, of what is returned next in the high half. */
function packedPosition(base: number, size: number): RingPosition {
  const place = (half: number) =>
    ((half & EventMask.offset) % size) + ((half & EventMask.wrap) === 0 ? size : 0);
  return { taken: place(base), used: place(base >>> USED_SHIFT) };
}

function packedBase({ taken, used = taken }: RingPosition, size: number): number {
  const half = (place: number) => offWrap(place % size, place < size);
  return (half(taken) | (half(used) << USED_SHIFT)) >>> 0;
}
