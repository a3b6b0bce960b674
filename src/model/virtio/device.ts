/** A virtio device apart from its type and its transport ("Basic Facilities of a Virtio Device"). */
import type { ByteOrder } from '../../wire/layout.js';
import { legacyRingLayout } from '../../wire/split-ring.js';
import { DeviceStatus, hasFeature, LEGACY_FEATURE_WORD, LEGACY_ONLY_FEATURES } from '../../wire/virtio.js';
import type { Behaviours, OrderedPart, QueuePart, ResetPart, SuspendRule } from '../behaviours.js';
import { DriverError } from '../errors.js';
import type { ModelMemory } from '../memory.js';
import type { Chain } from './chain.js';
import { DriverFeatures, servable } from './feature-windows.js';
import { InOrderRing } from './in-order.js';
import { readNotification } from './notification.js';
import { PackedRing } from './packed-ring.js';
import { Virtqueue } from './queue.js';
import type { Ring } from './ring.js';
import { SplitRing } from './split-ring.js';

/** The interfaces that a device has ("Legacy Interface: A Note on Feature Bits"). */
export type InterfaceKind = 'non-transitional' | 'transitional' | 'legacy';

/** What a transport does for the device. */
export interface Transport {
  readonly interfaces: InterfaceKind;
  /** Features that the standard does not define for this transport, so that no device on it may offer them. */
  readonly undefinedFeatures: bigint;
  /** Whether the device may reach memory now (PCI bus master). */
  readonly mayAccessMemory: boolean;
  notifyUsed(queue: Virtqueue): void;
  notifyConfig(): void;
  /** Forgets vectors and pending notifications. */
  reset(resets: (part: ResetPart) => boolean): void;
}

/** Where a legacy driver places a queue. */
export interface QueuePages {
  /** Number of its first page. */
  readonly page: number;
  /** Bytes of a page. */
  readonly pageSize: number;
  /** Alignment of the used ring in bytes. */
  readonly align: number;
}

/** What is particular to a type of device. */
export interface DeviceType {
  readonly queueCount: number;
  readonly features: bigint;
  /** Work on a queue that was kicked. */
  kicked(queue: Virtqueue, ring: Ring): void;
  /** Whether buffers are being processed. */
  readonly busy: boolean;
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
  /** Why the device is or was in need of a reset; for people who look for their mistake. */
  readonly faults: string[] = [];
  readonly #memory: ModelMemory;
  readonly #type: DeviceType;
  readonly #guestOrder: ByteOrder;
  #transport: Transport | undefined;
  #status = 0;
  #generation = 0;
  /** Whether the configuration has changed since the driver last looked at it. */
  #configNews = false;
  /** Kicks and completions that wait until memory may be accessed. */
  readonly #deferredKicks = new Set<Virtqueue>();
  #deferred: (() => void)[] = [];
  /** Changes of the configuration that wait for a suspended device to resume. */
  #heldChanges: (() => void)[] = [];

  /** `guestOrder` is the byte order of a legacy driver. */
  constructor(
    type: DeviceType,
    queueSize: number,
    guestOrder: ByteOrder,
    memory: ModelMemory,
    behaviours: Behaviours,
  ) {
    this.#type = type;
    this.#guestOrder = guestOrder;
    this.#memory = memory;
    this.behaviours = behaviours;
    this.queues = Array.from({ length: type.queueCount }, (_, index) => new Virtqueue(index, queueSize));
  }

  connect(transport: Transport): void {
    this.#transport = transport;
  }

  get offered(): bigint {
    const features = this.#type.features & ~(this.#transport?.undefinedFeatures ?? 0n);
    return this.behaviours.offeredFeatures(features);
  }

  /** What the legacy interface offers. */
  get legacyOffered(): bigint {
    const all = this.#type.features | LEGACY_ONLY_FEATURES;
    return this.behaviours.legacyFeatures(all & LEGACY_FEATURE_WORD);
  }

  /** Whether the driver is a legacy one, which is told by VERSION_1 ("Legacy Interface: A Note on Feature Bits"). */
  get legacyDriver(): boolean {
    const kind = this.#transport?.interfaces ?? 'non-transitional';
    if (kind === 'non-transitional') return false;
    const legacy = kind === 'legacy' || !hasFeature(this.driverFeatures.bits, 'VIRTIO_F_VERSION_1');
    return this.behaviours.legacyDriver(legacy);
  }

  /** The byte order of a structure that driver and device share; `configuration` is that of the legacy interface. */
  order(part: OrderedPart): ByteOrder {
    const legacy = part === 'configuration' || this.legacyDriver;
    return this.behaviours.byteOrder(legacy ? this.#guestOrder : 'little', part);
  }

  get status(): number {
    return this.behaviours.shownStatus(this.#status);
  }

  /** Features in force: none before FEATURES_OK, which a legacy driver does not know. */
  get negotiated(): bigint {
    if (this.legacyDriver) return this.driverFeatures.bits & this.legacyOffered;
    return this.#status & DeviceStatus.FEATURES_OK ? this.driverFeatures.bits : 0n;
  }

  /** Whether the device serves its queues: for a legacy driver as soon as there are any. */
  get live(): boolean {
    const needed = DeviceStatus.FEATURES_OK | DeviceStatus.DRIVER_OK;
    const ready = this.legacyDriver
      ? this.queues.some(({ page }) => page !== 0)
      : (this.#status & needed) === needed || (this.suspended && !this.#keeps('leaves-queues'));
    const live = ready && (this.#status & DeviceStatus.DEVICE_NEEDS_RESET) === 0;
    return this.behaviours.live(live, this.#status);
  }

  /** Whether the driver has asked for suspension: from then on no buffers are taken ("Device Suspend"). */
  get suspending(): boolean {
    return (this.#status & DeviceStatus.SUSPEND) !== 0;
  }

  /** Whether the device has shown that it is suspended. */
  get suspended(): boolean {
    return this.suspending && (this.#status & DeviceStatus.DRIVER_OK) === 0;
  }

  /**
   * A write to device_status. 0 resets; otherwise bits are added only, since the driver may not clear any. FEATURES_OK
   * sticks only for features that the device serves ("Driver Requirements: Device Initialization"). SUSPEND counts once
   * the device is live, and DRIVER_OK resumes a suspended one.
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
    if (written & DeviceStatus.SUSPEND && this.#maySuspend()) next |= DeviceStatus.SUSPEND;
    const resumes = this.suspended && (written & DeviceStatus.DRIVER_OK) !== 0;
    if (resumes && !this.#keeps('resumes')) next = previous;
    this.#status = this.behaviours.statusWritten(next, written, previous);
    if (resumes) this.#resume();
    else this.#suspendWhenIdle();
  }

  #keeps(rule: SuspendRule): boolean {
    return this.behaviours.keepsSuspendRule(rule);
  }

  #maySuspend(): boolean {
    if (!hasFeature(this.negotiated, 'VIRTIO_F_SUSPEND')) return false;
    return (this.#status & DeviceStatus.DRIVER_OK) !== 0 || !this.#keeps('ignored-early');
  }

  /** Shows the suspended state once nothing is being processed any more. */
  #suspendWhenIdle(): void {
    if (!this.suspending || this.suspended || !this.#keeps('suspends')) return;
    const idle = !this.#type.busy && this.#deferred.length === 0;
    if ((idle || !this.#keeps('drains')) && this.#keeps('clears-driver-ok'))
      this.#status &= ~DeviceStatus.DRIVER_OK;
  }

  /** Runs again, tells of what has changed meanwhile, and looks at what was not taken before. */
  #resume(): void {
    if (!this.#keeps('resumes')) return;
    if (this.#keeps('clears-suspend')) this.#status &= ~DeviceStatus.SUSPEND;
    const changes = this.#heldChanges.splice(0);
    for (const apply of changes) apply();
    if (changes.length > 0 && this.#keeps('tells-on-resume')) this.configChanged('device');
    for (const queue of this.queues) if (queue.enabled) this.kick(queue);
  }

  /** A driver's write to a window of its features; without effect once they are agreed. */
  writeDriverFeatures(window: number, bits: number): void {
    const open = (this.#status & DeviceStatus.FEATURES_OK) === 0;
    if (this.behaviours.featureWriteCounts(open)) this.driverFeatures.write(window, bits);
  }

  /**
   * A legacy driver's write of its features: of those that are offered, and until it first uses the device ("Legacy
   * Interface: Device Initialization"). The features beyond the word count as not acknowledged.
   */
  writeLegacyFeatures(bits: number): void {
    if (this.queues.some(({ ring }) => ring !== undefined)) return;
    this.driverFeatures.clear();
    this.driverFeatures.write(0, Number(BigInt(bits) & this.legacyOffered));
  }

  /** Device reset. Outstanding requests are completed first, while the driver still expects it ("Device Reset"). */
  reset(): void {
    const resets = (part: ResetPart) => this.behaviours.resets(part);
    this.finish();
    this.#deferred = [];
    this.#deferredKicks.clear();
    for (const apply of this.#heldChanges.splice(0)) apply();
    this.#transport?.reset(resets);
    this.#type.reset(resets);
    if (resets('queues')) for (const queue of this.queues) queue.reset((part) => part !== 'vector');
    if (resets('features')) this.driverFeatures.clear();
    if (resets('status')) this.#status = 0;
  }

  /** Reset of one queue (VIRTIO_F_RING_RESET, "Virtqueue Reset"). */
  resetQueue(queue: Virtqueue): void {
    const resets = (part: QueuePart) => this.behaviours.queueResets(part, queue.index);
    if (resets('requests')) this.#type.queueReset(queue);
    this.#deferredKicks.delete(queue);
    queue.reset(resets);
    this.#suspendWhenIdle();
  }

  /** Completes what is outstanding, as before a reset. */
  finish(): void {
    if (this.behaviours.resets('tasks')) this.#type.finishOutstanding();
  }

  /** Takes a queue out of use; what came from it is forgotten. It keeps its size. */
  stopQueue(queue: Virtqueue): void {
    this.#type.queueReset(queue);
    queue.stop();
  }

  /**
   * Places a queue in a contiguous block, given by its page ("Legacy Interfaces: A Note on Virtqueue Layout"). Page 0
   * takes it out of use.
   */
  placeQueue(queue: Virtqueue, { page, pageSize, align }: QueuePages): void {
    this.stopQueue(queue);
    queue.page = page;
    if (page === 0) return;
    const start = BigInt(page) * BigInt(pageSize);
    const { desc, avail, used } = this.behaviours.legacyLayout(
      legacyRingLayout(queue.size, align),
      queue.size,
    );
    queue.descriptors = start + BigInt(desc);
    queue.driver = start + BigInt(avail);
    queue.device = start + BigInt(used);
    queue.enabled = true;
  }

  /** The queue that a notification names, and the driver's position if it tells that. */
  notification(value: number): { queue: Virtqueue; position: number | undefined } | undefined {
    const features = this.negotiated;
    const { id, position } = this.behaviours.notification(readNotification(value, features));
    const queue = hasFeature(features, 'VIRTIO_F_NOTIF_CONFIG_DATA')
      ? this.queues.find(({ notifyData }) => notifyData === id)
      : this.queues[id];
    return queue && { queue, position };
  }

  /**
   * An available buffer notification. A driver that told a wrong position has lost count of its ring; a kick that waited
   * for memory access may be overtaken by later ones, so its position is not looked at.
   */
  kick(queue: Virtqueue, position?: number): void {
    if (!this.#transport?.mayAccessMemory) {
      this.#deferredKicks.add(queue);
      return;
    }
    if (this.suspended && !this.#keeps('sends-nothing')) this.#transport.notifyUsed(queue);
    if (this.suspending && this.#keeps(this.suspended ? 'leaves-queues' : 'stops')) return;
    this.guard(() => {
      const own = this.ring(queue);
      if (own && position !== undefined && position !== own.driverPosition)
        throw new DriverError(
          `queue ${queue.index}: a notification of position 0x${position.toString(16)}`,
          'notification',
        );
      const ring = this.behaviours.kickedRing(own, queue.index);
      if (ring) this.#type.kicked(queue, ring);
    });
  }

  /** The ring of an enabled queue of a live device. */
  ring(queue: Virtqueue): Ring | undefined {
    if (!this.live || !this.behaviours.queueEnabled(queue.enabled, queue)) return undefined;
    queue.ring ??= this.#makeRing(queue);
    return queue.ring;
  }

  #makeRing({ index, size, descriptors, driver, device, start }: Virtqueue): Ring {
    const { packed, inOrder, ...features } = this.behaviours.ringFeatures({
      packed: hasFeature(this.negotiated, 'VIRTIO_F_RING_PACKED'),
      inOrder: hasFeature(this.negotiated, 'VIRTIO_F_IN_ORDER'),
      indirect: hasFeature(this.negotiated, 'VIRTIO_F_INDIRECT_DESC'),
      eventIdx: hasFeature(this.negotiated, 'VIRTIO_F_EVENT_IDX'),
      notifyOnEmpty: hasFeature(this.negotiated, 'VIRTIO_F_NOTIFY_ON_EMPTY'),
    });
    const setup = this.behaviours.ringSetup({
      index,
      size,
      descriptors,
      driver,
      device,
      order: this.order('ring'),
      start,
      ...features,
    });
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
      const due = ring.give(chain, fill()) && (!this.suspending || this.#keeps('tells-drained'));
      if (this.behaviours.usedNotification(due, queue.index)) this.#transport?.notifyUsed(queue);
    });
    this.#suspendWhenIdle();
  }

  /** The device changes its own configuration, at once or, when it is suspended, as it resumes. */
  changeConfiguration(apply: () => void): void {
    if (this.suspended && this.#keeps('keeps-configuration')) {
      this.#heldChanges.push(apply);
      if (!this.#keeps('silent-about-configuration')) this.#notifyConfig();
      return;
    }
    apply();
    this.configChanged('device');
  }

  /** Whether the driver's writes to the device configuration count: not while the device is suspended. */
  get configurationWritable(): boolean {
    return !this.suspended || !this.#keeps('ignores-configuration-writes');
  }

  /** config_generation: 8 bits, free-running, also across resets. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The driver reads of the device configuration. Only then does a change move the generation, so that no number of
   * changes between two reads can bring it round to the same value.
   */
  configRead(): void {
    if (this.#configNews) this.#generation = (this.#generation + 1) & 0xff;
    this.#configNews = false;
  }

  /** The device configuration has changed, by the device or the driver. */
  configChanged(by: 'device' | 'driver'): void {
    this.#configNews = true;
    if (by === 'device' && this.#status & DeviceStatus.DRIVER_OK) this.#notifyConfig();
  }

  /** Other memory has taken the place of what there was: a ring that lay in what has gone is not looked at again. */
  memoryReplaced(): void {
    for (const queue of this.queues) {
      const parts = [queue.descriptors, queue.driver, queue.device];
      if (queue.ring === undefined || parts.every((part) => this.#memory.has(part))) continue;
      queue.start = queue.ring.position;
      queue.ring = undefined;
    }
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
    this.#suspendWhenIdle();
  }

  /** Runs an action of the device; a driver's mistake met in it ends in DEVICE_NEEDS_RESET. */
  guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      this.behaviours.faulted(error.fault);
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
