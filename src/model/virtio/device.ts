/** A virtio device apart from its type and its transport ("Basic Facilities of a Virtio Device"). */
import { DeviceStatus, hasFeature } from '../../wire/virtio.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import { DriverError } from '../errors.js';
import type { ModelMemory } from '../memory.js';
import type { Chain } from './chain.js';
import { DriverFeatures, servable } from './feature-windows.js';
import { InOrderRing } from './in-order.js';
import { PackedRing } from './packed-ring.js';
import { Virtqueue } from './queue.js';
import type { Ring } from './ring.js';
import { SplitRing } from './split-ring.js';

/** What a transport does for the device. */
export interface Transport {
  /** Whether the device may reach memory now (PCI bus master). */
  readonly mayAccessMemory: boolean;
  notifyUsed(queue: Virtqueue): void;
  notifyConfig(): void;
  /** Forgets vectors and pending notifications. */
  reset(resets: (part: ResetPart) => boolean): void;
}

/** What is particular to a type of device. */
export interface DeviceType {
  readonly queueCount: number;
  readonly features: bigint;
  /** Work on a queue that was kicked. */
  kicked(queue: Virtqueue, ring: Ring): void;
  /** Completes what is outstanding, while the queues can still be used. */
  finishOutstanding(): void;
  reset(resets: (part: ResetPart) => boolean): void;
  /** Forgets what came from this queue. */
  queueReset(queue: Virtqueue): void;
}

const DRIVER_BITS =
  DeviceStatus.ACKNOWLEDGE |
  DeviceStatus.DRIVER |
  DeviceStatus.DRIVER_OK |
  DeviceStatus.FEATURES_OK |
  DeviceStatus.FAILED;

export class VirtioDevice {
  readonly queues: readonly Virtqueue[];
  readonly driverFeatures = new DriverFeatures();
  readonly behaviours: Behaviours;
  /** config_generation: 8 bits, free-running, also across resets. */
  generation = 0;
  /** Why the device is or was in need of a reset; for people who look for their mistake. */
  readonly faults: string[] = [];
  readonly #memory: ModelMemory;
  readonly #type: DeviceType;
  #transport: Transport | undefined;
  #status = 0;
  /** Kicks and completions that wait until memory may be accessed. */
  readonly #deferredKicks = new Set<Virtqueue>();
  #deferred: (() => void)[] = [];

  constructor(type: DeviceType, queueSize: number, memory: ModelMemory, behaviours: Behaviours) {
    this.#type = type;
    this.#memory = memory;
    this.behaviours = behaviours;
    this.queues = Array.from({ length: type.queueCount }, (_, index) => new Virtqueue(index, queueSize));
  }

  connect(transport: Transport): void {
    this.#transport = transport;
  }

  get offered(): bigint {
    return this.behaviours.offeredFeatures(this.#type.features);
  }

  get status(): number {
    return this.#status;
  }

  /** Features in force: none before FEATURES_OK. */
  get negotiated(): bigint {
    return this.#status & DeviceStatus.FEATURES_OK ? this.driverFeatures.bits : 0n;
  }

  /** Whether the device serves its queues. */
  get live(): boolean {
    const needed = DeviceStatus.FEATURES_OK | DeviceStatus.DRIVER_OK;
    const live = (this.#status & needed) === needed && (this.#status & DeviceStatus.DEVICE_NEEDS_RESET) === 0;
    return this.behaviours.live(live, this.#status);
  }

  /**
   * A write to device_status. 0 resets; otherwise bits are added only, since the driver may not clear any. FEATURES_OK
   * sticks only for features that the device serves ("Driver Requirements: Device Initialization").
   */
  writeStatus(written: number): void {
    if (written === 0) {
      this.reset();
      return;
    }
    const previous = this.#status;
    let next = previous | (written & DRIVER_BITS);
    if (next & ~previous & DeviceStatus.FEATURES_OK) {
      const features = this.driverFeatures.bits;
      if (!this.behaviours.featuresAccepted(servable(features, this.offered), features))
        next &= ~DeviceStatus.FEATURES_OK;
    }
    this.#status = this.behaviours.statusWritten(next, written, previous);
  }

  /** A driver's write to a window of its features; without effect once they are agreed. */
  writeDriverFeatures(window: number, bits: number): void {
    if ((this.#status & DeviceStatus.FEATURES_OK) === 0) this.driverFeatures.write(window, bits);
  }

  /** Device reset. Outstanding requests are completed first, while the driver still expects it ("Device Reset"). */
  reset(): void {
    const resets = (part: ResetPart) => this.behaviours.resets(part);
    if (resets('tasks')) this.#type.finishOutstanding();
    this.#deferred = [];
    this.#deferredKicks.clear();
    this.#transport?.reset(resets);
    this.#type.reset(resets);
    if (resets('queues')) for (const queue of this.queues) queue.reset();
    if (resets('features')) this.driverFeatures.clear();
    if (resets('status')) this.#status = 0;
  }

  /** Reset of one queue (VIRTIO_F_RING_RESET, "Virtqueue Reset"). */
  resetQueue(queue: Virtqueue): void {
    this.#type.queueReset(queue);
    queue.reset();
  }

  /** An available buffer notification. */
  kick(queue: Virtqueue): void {
    if (!this.#transport?.mayAccessMemory) {
      this.#deferredKicks.add(queue);
      return;
    }
    this.guard(() => {
      const ring = this.behaviours.kickedRing(this.ring(queue), queue.index);
      if (ring) this.#type.kicked(queue, ring);
    });
  }

  /** The ring of an enabled queue of a live device. */
  ring(queue: Virtqueue): Ring | undefined {
    if (!this.live || !queue.enabled) return undefined;
    queue.ring ??= this.#makeRing(queue);
    return queue.ring;
  }

  #makeRing({ index, size, descriptors, driver, device }: Virtqueue): Ring {
    const { packed, inOrder, indirect, eventIdx } = this.behaviours.ringFeatures({
      packed: hasFeature(this.negotiated, 'VIRTIO_F_RING_PACKED'),
      inOrder: hasFeature(this.negotiated, 'VIRTIO_F_IN_ORDER'),
      indirect: hasFeature(this.negotiated, 'VIRTIO_F_INDIRECT_DESC'),
      eventIdx: hasFeature(this.negotiated, 'VIRTIO_F_EVENT_IDX'),
    });
    const setup = { index, size, descriptors, driver, device, indirect, eventIdx };
    const Format = packed ? PackedRing : SplitRing;
    const ring = new Format(setup, this.#memory, this.behaviours);
    return inOrder ? new InOrderRing(ring) : ring;
  }

  /**
   * Stores an answer by `fill`, which returns the number of bytes written, and returns the chain to the driver. Nothing
   * happens when the ring that it came from is no longer in use.
   */
  complete(queue: Virtqueue, ring: Ring, chain: Chain, fill: () => number): void {
    this.#whenMemory(() => {
      if (!this.behaviours.mayComplete(this.live && queue.ring === ring)) return;
      const due = ring.give(chain, fill());
      if (this.behaviours.usedNotification(due, queue.index)) this.#transport?.notifyUsed(queue);
    });
  }

  /** The device configuration has changed, by the device or the driver. */
  configChanged(by: 'device' | 'driver'): void {
    this.generation = (this.generation + 1) & 0xff;
    if (by === 'device' && this.#status & DeviceStatus.DRIVER_OK) this.#notifyConfig();
  }

  /** Runs what had to wait for memory access. */
  memoryReachable(): void {
    const waiting = this.#deferred;
    this.#deferred = [];
    for (const action of waiting) this.#whenMemory(action);
    for (const queue of [...this.#deferredKicks]) {
      this.#deferredKicks.delete(queue);
      this.kick(queue);
    }
  }

  /** Runs an action of the device; a driver's mistake met in it ends in DEVICE_NEEDS_RESET. */
  guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      this.fail(error.message);
    }
  }

  /** Enters the state that only a reset cures. */
  fail(reason: string): void {
    this.faults.push(reason);
    if (this.#status & DeviceStatus.DEVICE_NEEDS_RESET) return;
    this.#status |= DeviceStatus.DEVICE_NEEDS_RESET;
    if (this.#status & DeviceStatus.DRIVER_OK) this.#notifyConfig();
  }

  #notifyConfig(): void {
    if (this.behaviours.configNotification(true)) this.#transport?.notifyConfig();
  }

  #whenMemory(action: () => void): void {
    if (this.#transport?.mayAccessMemory) this.guard(action);
    else this.#deferred.push(action);
  }
}
