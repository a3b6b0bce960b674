/** The driver: takes the device from reset to live, sends chains, gathers what comes back. */
import type { DmaMark } from '../port/dma-space.js';
import type { Port } from '../port/port.js';
import type { DeviceRegister, InterruptKind, Transport } from '../transport/transport.js';
import {
  DeviceStatus,
  type FeatureName,
  featureNames,
  featureSet,
  hasFeature,
  NotificationField,
} from '../wire/virtio.js';
import { LEGACY_PAGE_SIZE } from '../wire/virtio-pci-legacy.js';
import { QueueIndex, requestHeaderSize, responseHeaderSize, virtioScsiConfig } from '../wire/virtio-scsi.js';
import { EventBuffers, type ReportedEvent } from './event-buffers.js';
import { type Contents, type Exchange, type Placed, place, readAnswer } from './exchange.js';
import { highMemory } from './high-memory.js';
import { type AnnouncedLimits, BeyondLimits, keepToCommands, keepToSegments, RingFull } from './limits.js';
import { makeRing } from './make-ring.js';
import { Poison } from './poison.js';
import { type RequestSizes, requestContents, type ScsiRequest } from './request.js';
import type { Chain, ChainElement, IndirectFrom, Ring, RingAreas } from './ring.js';
import { DEFAULT_RING_MODE, featuresOfMode, type RingMode } from './ring-mode.js';
import { type QueueChoice, reached, type SetupChoices, type SetupStage } from './setup.js';
import { TakenBackMemory } from './taken-back.js';
import type { StandingCheck, Violation } from './violation.js';
import { waitUntil } from './wait.js';

/** A device may refuse to work without these where it offers them ("Device Requirements: Reserved Feature Bits"). */
export const PLATFORM_FEATURES: bigint = featureSet('VIRTIO_F_ACCESS_PLATFORM', 'VIRTIO_F_ORDER_PLATFORM');

/** Features that this driver negotiates unless told otherwise, besides those of the mode and of the platform. */
const DRIVER_FEATURES: bigint = featureSet(
  'VIRTIO_F_VERSION_1',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_SCSI_F_HOTPLUG',
  'VIRTIO_SCSI_F_CHANGE',
  'VIRTIO_F_RING_RESET',
);

/** Features that a driver of the legacy interface must accept ("Legacy Interface: Reserved Feature Bits"). */
const LEGACY_FEATURES: bigint = featureSet('VIRTIO_F_ANY_LAYOUT');

/** Entries of a queue, unless the device allows fewer: enough for every case, small enough to compare after each. */
const QUEUE_SIZE = 256;
/** A queue index has 16 bits; without a register for their number there can be so many. */
const MOST_QUEUES = 65536;
/** Event buffers kept with the device. */
const EVENT_BUFFERS = 4;
/** So many bytes of past exchanges are worth giving back: memory that is used again is still in the cache. */
const RECYCLE_BYTES = 1 << 17;
/** How long a device may take to show that it was reset, and to raise an interrupt for a used buffer. */
const RESET_LIMIT_MS = 5000;
const INTERRUPT_LIMIT_MS = 2000;
/** The same for a device that has left one out: all that it owes would else take a run hours. */
const LATER_INTERRUPT_LIMIT_MS = 100;
/** A device that has not answered for so long is asked whether it needs a reset. */
const ASK_AFTER_MS = 20;

/** The device did something that makes going on pointless; names the requirement where there is one. */
export class DriverError extends Error {
  readonly requirement: string | undefined;
  /** How it counts in a case: `warn` where the requirement is a recommendation. */
  readonly severity: 'fail' | 'warn';
  constructor(message: string, requirement?: string, severity: 'fail' | 'warn' = 'fail') {
    super(message);
    this.name = 'DriverError';
    this.requirement = requirement;
    this.severity = severity;
  }
}

/** Hears what every standing check decided. */
export type StandingListener = (check: StandingCheck, violation: Violation | undefined) => void;

/** A queue with what belongs to it. */
interface LiveQueue {
  readonly index: number;
  readonly ring: Ring;
  readonly vector: number | undefined;
  /** An interrupt that was for this queue may have been cleared for another one. */
  swallowed: boolean;
}

/** Facts about the device, as the last set-up found them. */
export interface DeviceState {
  readonly offered: bigint;
  readonly negotiated: bigint;
  readonly requestQueues: number;
  readonly sizes: RequestSizes;
}

/** What may be watched while nothing is to happen. */
export type Watched = 'rings' | 'buffers' | 'interrupts' | 'events' | 'status';

/** One driver for one device. `initialise` starts over from reset and forgets everything in flight. */
export class Driver {
  readonly port: Port;
  readonly transport: Transport;
  readonly poison: Poison;
  /** Holds from the next initialisation on. */
  mode: RingMode = DEFAULT_RING_MODE;
  /** Whether an interrupt that is owed gets time to come; a case that keeps them away itself does not want that. */
  awaitsInterrupts = true;
  /** What the driver keeps to, if anything: it throws BeyondLimits rather than ask more of the device. */
  limits: AnnouncedLimits | undefined;
  readonly #mark: DmaMark;
  readonly #onStanding: StandingListener;
  #stage: SetupStage = 'reset';
  #queues = new Map<number, LiveQueue>();
  /** Counts the times that all rings were read. */
  #look = 0;
  #flying = new Map<Chain, Exchange>();
  readonly #events: EventBuffers;
  #provoked = false;
  #takenBack = new TakenBackMemory();
  /** What was reset or stopped by hand, and the register that reads 0 when that is done. */
  #resetting: { readonly what: 'device' | number; readonly register: DeviceRegister } | undefined;
  #selected = 0;
  #interruptLimitMs = INTERRUPT_LIMIT_MS;
  /** queue_notif_config_data by queue. */
  readonly #notifyIds = new Map<number, number>();
  #returnCount = 0;
  #nextId = 0x1122334455660001n;
  #offered = 0n;
  #negotiated = 0n;
  #requestQueues = 0;
  #sizes: RequestSizes | undefined;
  #choices: SetupChoices = {};
  #configVector: number | undefined;
  readonly #maxSizes = new Map<number, number>();
  /** Of queues that were stopped or reset, and perhaps of others that share them. */
  readonly #stoppedVectors = new Set<number>();
  /** Memory in use when the device had become live, and what was placed since. */
  #liveMark: DmaMark | undefined;
  #placedSince = 0;

  constructor(port: Port, transport: Transport, seed: number, onStanding: StandingListener) {
    this.port = port;
    this.transport = transport;
    this.poison = new Poison(seed);
    this.#events = new EventBuffers(port.dma, this.poison);
    this.#onStanding = onStanding;
    this.#mark = port.dma.mark();
  }

  /** How far the device is initialised. */
  get reached(): SetupStage {
    return this.#stage;
  }

  /** The device as the last set-up found it; throws before its queues were set up. */
  get state(): DeviceState {
    if (this.#sizes === undefined) throw new DriverError('the device has not been initialised');
    return {
      offered: this.#offered,
      negotiated: this.#negotiated,
      requestQueues: this.#requestQueues,
      sizes: this.#sizes,
    };
  }

  /** Resets the device and waits until its status reads 0. After that all memory belongs to the driver again. */
  reset(limitMs = RESET_LIMIT_MS): void {
    this.#resetDevice(limitMs);
    this.#takeBack('device');
  }

  #resetDevice(limitMs: number): void {
    this.transport.writeStatus(0);
    if (!waitUntil(this.port, limitMs, () => this.transport.readStatus() === 0))
      throw new DriverError(
        `status reads 0x${this.transport.readStatus().toString(16)} ${limitMs} ms after 0 was written`,
        'virtio.reset.status-zero',
      );
  }

  /** Forgets everything that the device had, memory included, and begins anew from a reset device. */
  startOver(): void {
    this.transport.recover();
    this.#resetDevice(RESET_LIMIT_MS);
    this.#forget();
  }

  /** The device has been power-cycled: it knows nothing any more, and nothing of it has been touched since. */
  powerCycled(): void {
    this.#forget();
    this.transport.restart();
  }

  /** Something was done to the device besides driving it: until the next reset, events may tell of it. */
  provoked(): void {
    this.#provoked = true;
  }

  #forget(): void {
    this.#provoked = false;
    this.#stage = 'reset';
    this.#resetting = undefined;
    this.#queues.clear();
    this.#stoppedVectors.clear();
    this.#flying.clear();
    this.#events.takenBack();
    this.#takenBack = new TakenBackMemory();
    this.#liveMark = undefined;
    this.#events.forget();
    this.#choices = {};
    this.#useInterrupts(undefined);
    const { interrupts } = this.transport;
    for (let vector = 0; vector < interrupts.vectors; vector++) interrupts.clear(vector);
    this.port.dma.release(this.#mark);
  }

  /** Takes the device from reset to DRIVER_OK with all queues. */
  initialise(choices: SetupChoices = {}): DeviceState {
    this.startOver();
    this.setup(choices);
    return this.state;
  }

  /**
   * Does what is missing on the way to the wanted stage. On a live device it programs and enables just the queues
   * that are named: that is re-enabling them after a queue reset.
   */
  setup(choices: SetupChoices = {}): void {
    const { transport } = this;
    const { ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK } = DeviceStatus;
    if (this.#stage === 'live') {
      if (choices.vectors) {
        const vectors = new Map([...(this.#choices.vectors ?? []), ...choices.vectors]);
        this.#choices = { ...this.#choices, vectors };
      }
      for (const [index, choice] of choices.queues ?? []) this.#enableQueue(index, choice);
      return;
    }
    // What an earlier, partial set-up was told holds for the rest of the way.
    this.#choices = { ...this.#choices, ...choices };
    const goal = choices.until ?? 'live';
    const step = (stage: Exclude<SetupStage, 'reset'>, act: () => void) => {
      if (reached(this.#stage, stage) || !reached(goal, stage)) return;
      act();
      this.#stage = stage;
    };
    step('acknowledge', () => transport.writeStatus(ACKNOWLEDGE));
    step('driver', () => transport.writeStatus(ACKNOWLEDGE | DRIVER));
    step('features', () => this.#negotiate());
    step('queues', () => this.#enableQueues());
    step('live', () => {
      transport.writeStatus(ACKNOWLEDGE | DRIVER | (transport.legacy ? 0 : FEATURES_OK) | DRIVER_OK);
      // A device that starts in several steps must not find buffers before the last: a processor waits for its write.
      transport.fence();
      const events = this.#queues.get(QueueIndex.EVENT);
      const asked = this.#choices.eventBuffers ?? 0;
      if (events && asked > events.ring.size)
        throw new BeyondLimits(
          `queue ${QueueIndex.EVENT} has room for ${events.ring.size} buffers, and not ${asked}`,
        );
      if (events && this.#events.post(events.ring, this.#choices.eventBuffers ?? EVENT_BUFFERS))
        this.kick(QueueIndex.EVENT);
      this.#liveMark = this.port.dma.mark();
      this.#placedSince = 0;
    });
  }

  /** Features that are negotiated unless a case says otherwise, as far as they are offered. */
  get usualFeatures(): bigint {
    const wanted = DRIVER_FEATURES | PLATFORM_FEATURES | featuresOfMode(this.mode);
    return this.transport.legacy ? BigInt.asUintN(32, wanted) | LEGACY_FEATURES : wanted;
  }

  /** Whether a feature was negotiated. */
  negotiated(name: FeatureName): boolean {
    return hasFeature(this.#negotiated, name);
  }

  /** A tag that no request of this driver had before. */
  nextId(): bigint {
    return this.#nextId++;
  }

  /**
   * Lays a SCSI command out and places its descriptors, without publishing. `queue` counts request queues from 0;
   * `tail` as `Ring.stage` has it.
   */
  stage(request: ScsiRequest, queue = 0, tail = false): Exchange {
    const sizes = request.layout?.sizes ?? this.state.sizes;
    return this.stageContents(
      QueueIndex.REQUEST + queue,
      requestContents(request, sizes, this.poison),
      {
        out: request.layout?.out ?? [requestHeaderSize(sizes.cdbSize, sizes.piHeader)],
        in: request.layout?.in ?? [responseHeaderSize(sizes.senseSize)],
        indirectFrom: request.layout?.indirectFrom,
        tail,
      },
      { request, sizes },
    );
  }

  /** Places any bytes on any queue, by its index; pieces that the cuts leave over are one more descriptor. */
  stageContents(
    queue: number,
    contents: Contents,
    cuts: {
      readonly out: readonly number[];
      readonly in: readonly number[];
      /** Left out: as the mode says. */
      readonly indirectFrom?: number | 'none' | undefined;
      readonly tail?: boolean;
    },
    scsi?: Exchange['scsi'],
  ): Exchange {
    const usual = this.mode.indirect === 'on' && this.negotiated('VIRTIO_F_INDIRECT_DESC') ? 0 : 'none';
    const from = cuts.indirectFrom ?? usual;
    const placed = place(this.port.dma, this.poison, contents, cuts);
    const indirectFrom = from === 'none' ? undefined : from;
    return this.stagePlaced(queue, placed, { indirectFrom, tail: cuts.tail ?? false, scsi });
  }

  /** Places descriptors for buffers that are in memory already. */
  stagePlaced(
    queue: number,
    placed: Placed,
    {
      indirectFrom,
      tail,
      scsi,
    }: {
      readonly indirectFrom?: IndirectFrom;
      readonly tail?: boolean;
      readonly scsi?: Exchange['scsi'];
    } = {},
  ): Exchange {
    const live = this.#queue(queue);
    if (this.limits && queue >= QueueIndex.REQUEST) keepToSegments(placed.elements, this.limits);
    for (const { size } of placed.out) this.#placedSince += size;
    for (const { size } of placed.in) this.#placedSince += size;
    return {
      queue: live.index,
      placed,
      chain: this.#stageIn(live, placed.elements, indirectFrom, tail),
      scsi,
      answer: undefined,
      used: undefined,
      returned: undefined,
      look: undefined,
      interrupted: undefined,
    };
  }

  /** A ring that is full although it has as many entries as the device allows is a limit of the device. */
  #stageIn(
    { index, ring }: LiveQueue,
    elements: readonly ChainElement[],
    indirectFrom?: IndirectFrom,
    tail?: boolean,
  ): Chain {
    try {
      return ring.stage(elements, indirectFrom, tail);
    } catch (error) {
      const most = this.maxQueueSize(index);
      if (!(error instanceof RingFull) || most >= QUEUE_SIZE || ring.size < most) throw error;
      throw new BeyondLimits(`queue ${index} may have ${most} entries: ${error.message}`);
    }
  }

  /**
   * Makes staged exchanges available, in order, by one index update a queue, and notifies. `when-asked` leaves the
   * notification out where the device has said that it needs none; `never` leaves it out. `onPlaced` is called when all
   * lie in their rings, before any notification.
   */
  publish(
    exchanges: readonly Exchange[],
    notify: 'always' | 'never' | 'when-asked' = 'always',
    onPlaced?: () => void,
  ): void {
    if (this.limits) keepToCommands(this.#flying, exchanges, this.limits);
    const byQueue = new Map<number, Exchange[]>();
    for (const exchange of exchanges) {
      const group = byQueue.get(exchange.queue);
      if (group) group.push(exchange);
      else byQueue.set(exchange.queue, [exchange]);
      this.#flying.set(exchange.chain, exchange);
    }
    const kicks: number[] = [];
    for (const [index, group] of byQueue) {
      const queue = this.#queue(index);
      if (queue.vector !== undefined && queue.ring.outstanding === 0) this.#clearVector(queue, queue.vector);
      const before = queue.ring.publish(group.map(({ chain }) => chain));
      if (notify === 'always' || (notify === 'when-asked' && queue.ring.asksForKick(before)))
        kicks.push(index);
    }
    onPlaced?.();
    for (const index of kicks) this.kick(index);
  }

  /** Notifies a queue, in use or not; `value` is sent in place of what the negotiated features make of it. */
  kick(index: number, value = this.#notification(index)): void {
    this.transport.notify(index, value, this.negotiated('VIRTIO_F_NOTIFICATION_DATA'));
  }

  /** What tells the device to look at a queue ("Driver Notifications"). */
  #notification(index: number): number {
    const id = this.negotiated('VIRTIO_F_NOTIF_CONFIG_DATA') ? this.#notifyData(index) : index;
    if (!this.negotiated('VIRTIO_F_NOTIFICATION_DATA')) return id;
    const position = this.#queues.get(index)?.ring.notificationData ?? 0;
    return ((position << NotificationField.positionShift) | id) >>> 0;
  }

  /** By what the device wants a queue to be called; read once after each set-up of the queue. */
  #notifyData(index: number): number {
    let data = this.#notifyIds.get(index);
    if (data === undefined) {
      this.transport.writeRegister('queue_select', BigInt(index));
      data = Number(this.transport.readRegister('queue_notif_config_data'));
      this.#notifyIds.set(index, data);
    }
    return data;
  }

  /**
   * Waits until all of `exchanges` have been returned, `limitMs` have passed, or the device asks for a reset, after
   * which nobody can count on its returning anything. Whether they were returned. `askAfterMs`: how long the device is
   * not asked for its status, since every look is a register access.
   */
  wait(exchanges: readonly Exchange[], limitMs: number, askAfterMs = ASK_AFTER_MS): boolean {
    const { clock } = this.port;
    let ask = clock.now() + askAfterMs;
    waitUntil(this.port, limitMs, () => {
      let asks = false;
      if (clock.now() >= ask) {
        // The status first: what was returned before the device asked must be seen.
        asks = this.#needsReset();
        ask = clock.now() + askAfterMs;
      }
      return this.#returned(exchanges) || asks;
    });
    return this.#returned(exchanges);
  }

  /**
   * Publishes the buffers of exchanges so many times more, each time when all have been returned. What comes back is
   * not kept; it ends when something does not come back within `limitMs`. `onRound` is called before each.
   */
  publishAgain(exchanges: readonly Exchange[], times: number, limitMs: number, onRound: () => void): void {
    let last = exchanges;
    for (let left = times; left > 0 && this.wait(last, limitMs); left--) {
      onRound();
      last = exchanges.map(({ queue, placed }) => this.stagePlaced(queue, placed));
      this.publish(last);
    }
    this.wait(last, limitMs);
  }

  #needsReset(): boolean {
    return (this.transport.readStatus() & DeviceStatus.DEVICE_NEEDS_RESET) !== 0;
  }

  #returned(exchanges: readonly Exchange[]): boolean {
    this.collect();
    return exchanges.every(({ answer }) => answer !== undefined);
  }

  /** Takes the event that came in this exchange, if one did that no caller has taken yet. */
  eventOf({ answer }: Exchange): ReportedEvent | undefined {
    return answer && this.#events.withdraw(answer.bytes);
  }

  /** Waits for the next event that no caller has taken yet; undefined when none came in time. */
  waitForEvent(limitMs: number): ReportedEvent | undefined {
    waitUntil(this.port, limitMs, () => {
      this.collect();
      return this.#events.waiting > 0;
    });
    return this.#events.next();
  }

  /**
   * Takes what the device has returned on any queue. As long as something comes back, the rings are read again: what was
   * visible together has been seen at one look, whichever ring was read first.
   */
  collect(): void {
    this.#look++;
    for (let before = -1; before !== this.#flying.size; ) {
      before = this.#flying.size;
      this.#sweep();
      if (this.#flying.size === 0) break;
    }
  }

  #sweep(): void {
    let late: Set<number> | undefined;
    for (const queue of this.#queues.values()) {
      const { vector } = queue;
      if (late !== undefined && vector !== undefined && late.has(vector)) continue;
      if (!queue.ring.hasUsed()) continue;
      if (vector === undefined) this.#collectFrom(queue, undefined);
      else {
        this.#collectSharing(vector);
        late ??= new Set();
        late.add(vector);
      }
    }
  }

  /**
   * Takes what has come back on all queues of a vector: one interrupt may stand for all of them. It is cleared before
   * the rings are read, so what is returned later raises it anew. A reset takes back what was raised before it, so that
   * none is due any more; nor is one from a device that has asked for a reset, on which nobody is to rely ("Device Status
   * Field").
   */
  #collectSharing(vector: number): void {
    const sharing = [...this.#queues.values()].filter((queue) => queue.vector === vector);
    const due = this.#resetting
      ? []
      : sharing.filter(({ ring, swallowed }) => !swallowed && ring.interruptDue && ring.hasUsed());
    let interrupted: boolean | undefined;
    if (due.length > 0) {
      const { interrupts } = this.transport;
      // A device raises its interrupt after it has shown the buffer as used, so it may lag behind what is visible.
      const limitMs = this.awaitsInterrupts ? this.#interruptLimitMs : 0;
      interrupted = waitUntil(this.port, limitMs, () => interrupts.raised(vector));
      interrupts.clear(vector);
      // The parts of a device may fail one after the other: what still answers may have nobody to tell it.
      if (!interrupted && this.awaitsInterrupts) {
        if (this.#needsReset()) interrupted = undefined;
        else this.#interruptLimitMs = LATER_INTERRUPT_LIMIT_MS;
      }
    }
    for (const queue of sharing) {
      queue.swallowed = false;
      this.#collectFrom(queue, due.includes(queue) ? interrupted : undefined);
    }
  }

  /** The ring of a queue by its index. */
  ring(index: number): Ring {
    return this.#queue(index).ring;
  }

  /** The size that a queue showed when it had not been given one. */
  maxQueueSize(index: number): number {
    return this.#maxSizes.get(index) ?? 0;
  }

  /** The vector of configuration changes, as the last set-up chose it; undefined for none. */
  get configVector(): number | undefined {
    return this.#configVector;
  }

  /** The vector of a queue by its index; undefined for none. */
  vector(index: number): number | undefined {
    return this.#queue(index).vector;
  }

  /**
   * Gives back the memory of what has been returned, if there is much of it and the device holds nothing but what it
   * got when it became live. Buffers of earlier exchanges are not to be looked at afterwards.
   */
  recycle(): void {
    if (this.#liveMark === undefined || this.#placedSince < RECYCLE_BYTES) return;
    if (this.#flying.size > 0 || !this.#takenBack.isEmpty) return;
    this.port.dma.release(this.#liveMark);
    this.#placedSince = 0;
  }

  /** Exchanges published and not returned. */
  inFlight(): Exchange[] {
    return [...this.#flying.values()];
  }

  /**
   * Watches for `durationMs` on the device's clock and says what has happened that nobody has taken yet, since before
   * the watch too: what a device did to a kick right before it must not pass for silence. The device then has the time
   * in which it comes to rest besides. Suppression fields of the used ring are the device's to write.
   */
  watchQuiet(durationMs: number, watched: ReadonlySet<Watched>): string[] {
    const { clock } = this.port;
    const { interrupts } = this.transport;
    const status = watched.has('status') ? this.transport.readStatus() : 0;
    const until = clock.now() + durationMs;
    for (let round = 0; clock.now() < until; round++) clock.relax(round);
    this.port.lifecycle.settle();

    const happened: string[] = [];
    for (const { index, ring } of this.#queues.values())
      if (watched.has(index === QueueIndex.EVENT ? 'events' : 'rings') && ring.hasUsed())
        happened.push(`queue ${index} returned a buffer`);
    if (watched.has('buffers')) {
      for (const { placed, queue } of this.inFlight())
        for (const buffer of placed.in) {
          buffer.fetch();
          if (!buffer.unchanged()) happened.push(`a buffer in flight on queue ${queue} was written`);
        }
      happened.push(...this.#takenBack.trespasses());
    }
    if (watched.has('interrupts'))
      for (let vector = 0; vector < interrupts.vectors; vector++)
        if (interrupts.raised(vector) && !this.#isForOthers(vector))
          happened.push(`vector ${vector} was raised`);
    if (watched.has('status')) {
      const now = this.transport.readStatus();
      if (now !== status) happened.push(`status went from 0x${status.toString(16)} to 0x${now.toString(16)}`);
    }
    return happened;
  }

  /**
   * Whether queues were stopped or reset, and a vector is not one of theirs but of queues that are live: those may be
   * notified whenever the device likes ("Used Buffer Notification Suppression": spurious notifications).
   */
  #isForOthers(vector: number): boolean {
    if (this.#stoppedVectors.size === 0 || this.#stoppedVectors.has(vector)) return false;
    return [...this.#queues.values()].some((queue) => queue.vector === vector);
  }

  /** Tells the driver of a register that was written by hand. */
  noteWrite(register: DeviceRegister, value: bigint): void {
    if (register === 'queue_select') this.#selected = Number(value);
    else if (register === 'device_status' && value === 0n) this.#resetting = { what: 'device', register };
    else if (register === 'queue_reset' && value === 1n) this.#resetting = { what: this.#selected, register };
    // Only virtio over MMIO has a way to stop a queue by its enable register.
    else if (register === 'queue_enable' && value === 0n && this.transport.kind === 'mmio')
      this.#resetting = { what: this.#selected, register };
  }

  /** Tells the driver what a register read: from the moment a reset reads back done the memory is the driver's. */
  noteRead(register: DeviceRegister, value: bigint): void {
    if (value === 0n && register === this.#resetting?.register) this.#takeBack(this.#resetting.what);
  }

  /** Reads sense_size and cdb_size anew: requests are laid out by what the device says that they are. */
  readSizes(): void {
    const { sense_size, cdb_size } = virtioScsiConfig.fields;
    const sizes: RequestSizes = {
      senseSize: this.#configWord(sense_size.offset),
      cdbSize: this.#configWord(cdb_size.offset),
      ...(this.negotiated('VIRTIO_SCSI_F_T10_PI') && { piHeader: 'literal' }),
    };
    // A device that announces absurd sizes must not make the driver lay out absurd requests.
    if (sizes.senseSize > 65536 || sizes.cdbSize > 65536)
      throw new DriverError(
        `sense_size ${sizes.senseSize} and cdb_size ${sizes.cdbSize} cannot be meant`,
        'scsi.config.reset-sense-size',
      );
    this.#sizes = sizes;
  }

  /** The checks that look at the device as a whole rather than at one exchange. Call at the end of a case. */
  judgeDevice(): void {
    const judge = (check: StandingCheck, expected: string, got: string | undefined) =>
      this.#onStanding(check, got === undefined ? undefined : { check, expected, got });
    for (const { ring, index } of this.#queues.values()) {
      judge('ring-intact', `the driver's parts of queue ${index} as written`, ring.tampered());
      const overrun = ring.overrun();
      judge('canary', `nothing written beside the rings of queue ${index}`, overrun && `${overrun} changed`);
    }
    const [trespass] = this.#takenBack.trespasses();
    if (!this.#takenBack.isEmpty)
      judge('canary', 'memory left alone once a reset or stop had read back done', trespass);
    const status = this.transport.readStatus();
    const asks = (status & DeviceStatus.DEVICE_NEEDS_RESET) !== 0;
    judge('needs-reset', 'DEVICE_NEEDS_RESET clear', asks ? `status 0x${status.toString(16)}` : undefined);
    const events = this.#provoked ? 0 : this.#events.waiting;
    judge(
      'no-event',
      'no event: nothing happened to the device',
      events === 0 ? undefined : `${events} event(s)`,
    );
  }

  #negotiate(): void {
    const { transport } = this;
    const { ACKNOWLEDGE, DRIVER, FEATURES_OK } = DeviceStatus;
    this.#offered = transport.deviceFeatures();
    if (!transport.legacy && !hasFeature(this.#offered, 'VIRTIO_F_VERSION_1'))
      throw new DriverError(
        'the device does not offer VIRTIO_F_VERSION_1',
        'virtio.features.offer-version-1',
      );
    const choose = this.#choices.features ?? ((offered: bigint) => offered & this.usualFeatures);
    this.#negotiated = choose(this.#offered);
    transport.writeDriverFeatures(this.#negotiated);
    // A legacy device has no FEATURES_OK: it settles on the features when it is first used.
    if (transport.legacy) return;
    transport.writeStatus(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if ((transport.readStatus() & FEATURES_OK) === 0)
      throw new DriverError(
        `the device refused FEATURES_OK for ${featureNames(this.#negotiated).join(', ')}`,
        'virtio.features.accept-valid-subset',
        'warn',
      );
  }

  #configWord(offset: number): number {
    const bytes = this.transport.readConfig(offset, 4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  #enableQueues(): void {
    const requestQueues = this.#configWord(virtioScsiConfig.fields.num_queues.offset);
    const queues = this.transport.queueCount();
    if (requestQueues < 1 || requestQueues + QueueIndex.REQUEST > (queues ?? MOST_QUEUES))
      throw new DriverError(
        `num_queues says ${requestQueues} request queues, the transport has ${queues ?? `at most ${MOST_QUEUES}`} queues in all`,
        'scsi.config.num-queues',
      );
    this.#requestQueues = requestQueues;
    this.readSizes();
    this.#events.sizeBy(this.#configWord(virtioScsiConfig.fields.event_info_size.offset));
    this.#useInterrupts(this.#choices.interrupts);
    const config = this.#choices.vectors?.get('config') ?? this.transport.usualVector('config');
    this.#configVector = config === 'none' ? undefined : config;
    this.transport.setConfigVector(this.#configVector);
    const wanted =
      this.#choices.only ?? Array.from({ length: QueueIndex.REQUEST + requestQueues }, (_, i) => i);
    for (const index of wanted) this.#enableQueue(index, this.#choices.queues?.get(index) ?? {});
  }

  /** Changes to interrupts of a kind; the usual one if none is asked for. */
  #useInterrupts(kind: InterruptKind | undefined): void {
    const { transport } = this;
    const [usual] = transport.interruptKinds;
    const wanted = kind ?? usual;
    if (wanted !== undefined) transport.useInterrupts(wanted);
  }

  #enableQueue(index: number, { size, memory = 'fresh', areas, align }: QueueChoice): void {
    const { transport, port, poison } = this;
    const max = transport.queueMaxSize(index);
    // A queue that has been given a size shows that one.
    if (!this.#maxSizes.has(index)) this.#maxSizes.set(index, max);
    if (max === 0)
      throw new DriverError(`queue ${index} does not exist (its size reads 0)`, 'scsi.config.num-queues');
    if (this.limits && size !== undefined && size > max)
      throw new BeyondLimits(`queue ${index} may have ${max} entries, and not ${size}`);
    const entries = transport.fixedQueueSize ? max : (size ?? this.#usualSize(max));
    if (size !== undefined && size !== entries)
      throw new RangeError(`queue ${index} has ${max} entries, and no other size on ${transport.kind}`);
    const { pageSize } = this.#choices;
    if ((align ?? pageSize) !== undefined && transport.kind !== 'mmio-legacy')
      throw new RangeError(`pages and alignment of queues cannot be chosen on ${transport.kind}`);
    const layout = { page: pageSize ?? LEGACY_PAGE_SIZE, align: align ?? LEGACY_PAGE_SIZE };
    const before = this.#queues.get(index)?.ring;
    const ring = makeRing(
      memory === 'high' ? highMemory(port.dma) : port.dma,
      poison,
      entries,
      this.#negotiated,
      {
        tight: memory === 'tight',
        ...(transport.legacy && { contiguous: layout }),
        ...(memory === 'same' && before !== undefined && { reuse: before.areas }),
      },
    );
    this.#liveMark = undefined;
    const chosen = this.#choices.vectors?.get(index) ?? transport.usualVector(index);
    const vector = chosen === 'none' ? undefined : chosen;
    // Before that none of the vectors is in use.
    if (vector !== undefined && this.#stage === 'live') transport.interrupts.clear(vector);
    const address = (area: keyof RingAreas) => {
      const { at = area, plus = 0n } = areas?.[area] ?? {};
      return BigInt.asUintN(64, (typeof at === 'bigint' ? at : ring.areas[at].iova) + plus);
    };
    transport.enableQueue(index, {
      size: entries,
      desc: address('desc'),
      driver: address('driver'),
      device: address('device'),
      ...(transport.legacy && { layout }),
      vector,
    });
    this.#queues.set(index, { index, ring, vector, swallowed: false });
    this.#notifyIds.delete(index);
    if (this.negotiated('VIRTIO_F_NOTIF_CONFIG_DATA')) this.#notifyData(index);
  }

  /** Entries of a queue that may have `max`: a split ring has a power of two, which over MMIO `max` need not be. */
  #usualSize(max: number): number {
    const most = Math.min(QUEUE_SIZE, max);
    return this.negotiated('VIRTIO_F_RING_PACKED') ? most : 2 ** Math.floor(Math.log2(most));
  }

  /** Clears a vector for a queue that has nothing outstanding; it may have been raised for others that share it. */
  #clearVector(queue: LiveQueue, vector: number): void {
    this.transport.interrupts.clear(vector);
    for (const other of this.#queues.values())
      if (other !== queue && other.vector === vector && other.ring.hasUsed()) other.swallowed = true;
  }

  #queue(index: number): LiveQueue {
    const queue = this.#queues.get(index);
    if (queue === undefined)
      throw new RangeError(
        `queue ${index} is not live; live are ${[...this.#queues.keys()].join(', ') || 'none'}`,
      );
    return queue;
  }

  /** After a reset read back done: what the device had is the driver's again, and it must leave it alone. */
  #takeBack(what: 'device' | number): void {
    const ended = (index: number) => what === 'device' || what === index;
    for (const [chain, { queue, placed }] of this.#flying) {
      if (!ended(queue)) continue;
      for (const buffer of placed.in)
        this.#takenBack.add(`a buffer that was in flight on queue ${queue}`, buffer);
      this.#flying.delete(chain);
    }
    for (const queue of this.#queues.values()) {
      const { index, ring, vector } = queue;
      if (!ended(index)) continue;
      for (const { what, buffer } of ring.deviceAreas)
        this.#takenBack.add(`the ${what} of queue ${index}`, buffer);
      // What was returned before the reset was over may have been notified.
      if (vector !== undefined) {
        this.#clearVector(queue, vector);
        this.#stoppedVectors.add(vector);
      }
      this.#queues.delete(index);
    }
    if (ended(QueueIndex.EVENT)) this.#events.takenBack();
    if (what === 'device') this.#stage = 'reset';
    this.#resetting = undefined;
  }

  #collectFrom(queue: LiveQueue, interrupted: boolean | undefined): void {
    const { entries, implausible } = queue.ring.poll();
    if (implausible) this.#onStanding('used-once', { check: 'used-once', ...implausible });
    for (const used of entries) {
      // On the legacy interface the length tells nothing ("Legacy Interface: The Virtqueue Used Ring").
      const entry = this.transport.legacy ? { ...used, len: undefined } : used;
      const { id, index, chain } = entry;
      if (chain === undefined) {
        this.#onStanding('used-once', {
          check: 'used-once',
          expected: 'the id of an outstanding chain',
          got: `id ${id} in used entry ${index} of queue ${queue.index}`,
        });
        continue;
      }
      this.#onStanding('used-once', undefined);
      if (this.#events.take(chain, entry.len)) {
        // The device gets another one for it.
        this.#events.post(queue.ring, 1);
        this.kick(queue.index);
        // It now holds a buffer that was placed after it became live: nothing is given back any more.
        this.#liveMark = undefined;
      }
      const exchange = this.#flying.get(chain);
      if (exchange === undefined) continue;
      this.#flying.delete(chain);
      exchange.answer = readAnswer(exchange.placed, entry);
      exchange.used = entry;
      exchange.returned = this.#returnCount++;
      exchange.look = this.#look;
      if (interrupted !== undefined) exchange.interrupted = interrupted;
      if (queue.index === QueueIndex.EVENT)
        this.#events.note(exchange.answer.bytes, exchange.answer.poison, entry.len);
    }
  }
}
