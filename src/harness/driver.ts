/** The driver: takes the device from reset to live, sends requests, gathers what comes back. */
import type { DmaMark } from '../port/dma-space.js';
import type { Port } from '../port/port.js';
import type { Transport } from '../transport/transport.js';
import { DeviceStatus, type FeatureName, featureNames, featureSet, hasFeature } from '../wire/virtio.js';
import { QueueIndex, virtioScsiConfig, virtioScsiEvent } from '../wire/virtio-scsi.js';
import { GuardedBuffer } from './guarded-buffer.js';
import { Poison } from './poison.js';
import { type Exchange, placeRequest, type RequestSizes, readAnswer, type ScsiRequest } from './request.js';
import { type Chain, SplitQueue } from './split-queue.js';
import type { StandingCheck, Violation } from './violation.js';
import { waitUntil } from './wait.js';

/** Features that this driver knows how to use. */
export const DRIVER_FEATURES: bigint = featureSet(
  'VIRTIO_F_VERSION_1',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_SCSI_F_HOTPLUG',
  'VIRTIO_SCSI_F_CHANGE',
);

/** Entries of a queue, unless the device allows fewer: enough for every case, small enough to compare after each. */
const QUEUE_SIZE = 128;
/** Event buffers kept with the device. */
const EVENT_BUFFERS = 4;
/** How long a device may take to show that it was reset, and to raise an interrupt for a used buffer. */
const RESET_LIMIT_MS = 5000;
const INTERRUPT_LIMIT_MS = 250;

/** The device did something that makes going on pointless; names the requirement where there is one. */
export class DriverError extends Error {
  readonly requirement: string | undefined;
  constructor(message: string, requirement?: string) {
    super(message);
    this.name = 'DriverError';
    this.requirement = requirement;
  }
}

/** Hears what every standing check decided, with the exchange if it was about one. */
export type StandingListener = (check: StandingCheck, violation: Violation | undefined) => void;

/** A live queue with what belongs to it. */
interface LiveQueue {
  readonly index: number;
  readonly ring: SplitQueue;
  readonly vector: number | undefined;
}

/** Facts about the live device. */
export interface DeviceState {
  readonly offered: bigint;
  readonly negotiated: bigint;
  readonly requestQueues: number;
  readonly sizes: RequestSizes;
}

/** One driver for one device. `initialise` starts over from reset and forgets everything in flight. */
export class Driver {
  readonly port: Port;
  readonly transport: Transport;
  readonly poison: Poison;
  readonly #mark: DmaMark;
  readonly #onStanding: StandingListener;
  #queues = new Map<number, LiveQueue>();
  #flying = new Map<Chain, Exchange>();
  #eventBuffers: GuardedBuffer[] = [];
  #events = 0;
  #returned = 0;
  #nextId = 0x1122334455660001n;
  #state: DeviceState | undefined;

  constructor(port: Port, transport: Transport, seed: number, onStanding: StandingListener) {
    this.port = port;
    this.transport = transport;
    this.poison = new Poison(seed);
    this.#onStanding = onStanding;
    this.#mark = port.dma.mark();
  }

  /** The device as the last `initialise` left it; throws when there was none. */
  get state(): DeviceState {
    if (this.#state === undefined) throw new DriverError('the device has not been initialised');
    return this.#state;
  }

  /** Resets the device and waits until its status reads 0. After that all memory belongs to the driver again. */
  reset(): void {
    this.#state = undefined;
    this.transport.writeStatus(0);
    if (!waitUntil(this.port, RESET_LIMIT_MS, () => this.transport.readStatus() === 0))
      throw new DriverError(
        `status reads 0x${this.transport.readStatus().toString(16)} ${RESET_LIMIT_MS} ms after 0 was written`,
        'virtio.reset.status-zero',
      );
    this.#queues = new Map();
    this.#flying = new Map();
    this.#eventBuffers = [];
    this.#events = 0;
    this.port.dma.release(this.#mark);
  }

  /** Takes the device from reset to DRIVER_OK with all queues ("Device Initialization"). */
  initialise(wanted: bigint = DRIVER_FEATURES): DeviceState {
    this.reset();
    const { transport } = this;
    const { ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK } = DeviceStatus;
    transport.writeStatus(ACKNOWLEDGE);
    transport.writeStatus(ACKNOWLEDGE | DRIVER);
    const offered = transport.deviceFeatures();
    const negotiated = offered & wanted;
    if (!hasFeature(negotiated, 'VIRTIO_F_VERSION_1'))
      throw new DriverError(
        'the device does not offer VIRTIO_F_VERSION_1',
        'virtio.features.offer-version-1',
      );
    transport.writeDriverFeatures(negotiated);
    transport.writeStatus(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    if ((transport.readStatus() & FEATURES_OK) === 0)
      throw new DriverError(
        `the device refused FEATURES_OK for ${featureNames(negotiated).join(', ')}, all of which it offers`,
        'virtio.features.accept-valid-subset',
      );
    const state: DeviceState = { offered, negotiated, ...this.#readConfiguration() };
    this.#enableQueues(state.requestQueues);
    transport.writeStatus(ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    this.#postEventBuffers();
    this.#state = state;
    return state;
  }

  /** Whether a feature was negotiated. */
  negotiated(name: FeatureName): boolean {
    return hasFeature(this.state.negotiated, name);
  }

  /** A tag that no request of this driver had before. */
  nextId(): bigint {
    return this.#nextId++;
  }

  /** Lays a request out and places its descriptors, without publishing. `queue` counts request queues from 0. */
  stage(request: ScsiRequest, queue = 0): Exchange {
    const live = this.#queue(QueueIndex.REQUEST + queue);
    const placed = placeRequest(this.port.dma, this.poison, request, this.state.sizes);
    const chain = live.ring.stage(placed.elements, request.layout?.indirectFrom);
    return { queue: live.index, placed, chain };
  }

  /** Makes staged exchanges available, in order, by one index update a queue, and notifies. */
  publish(exchanges: readonly Exchange[]): void {
    const byQueue = new Map<number, Exchange[]>();
    for (const exchange of exchanges) {
      const group = byQueue.get(exchange.queue);
      if (group) group.push(exchange);
      else byQueue.set(exchange.queue, [exchange]);
      this.#flying.set(exchange.chain, exchange);
    }
    for (const [index, group] of byQueue) {
      const queue = this.#queue(index);
      if (queue.vector !== undefined && queue.ring.outstanding === 0)
        this.transport.interrupts.clear(queue.vector);
      queue.ring.publish(group.map(({ chain }) => chain));
    }
    for (const index of byQueue.keys()) this.transport.notify(index);
  }

  /** Waits until all of `exchanges` have been returned or `limitMs` have passed; whether they were. */
  wait(exchanges: readonly Exchange[], limitMs: number): boolean {
    return waitUntil(this.port, limitMs, () => {
      this.collect();
      return exchanges.every(({ answer }) => answer !== undefined);
    });
  }

  /** Takes what the device has returned on any queue. */
  collect(): void {
    for (const queue of this.#queues.values()) if (queue.ring.hasUsed()) this.#collectFrom(queue);
  }

  /** The ring of a request queue (from 0), for code that measures or breaks rings by hand. */
  ring(queue: number): SplitQueue {
    return this.#queue(QueueIndex.REQUEST + queue).ring;
  }

  /** Exchanges published and not returned. */
  inFlight(): Exchange[] {
    return [...this.#flying.values()];
  }

  /** The checks that look at the device as a whole rather than at one exchange. Call at the end of a case. */
  judgeDevice(): void {
    for (const { ring, index } of this.#queues.values()) {
      const tampered = ring.tampered();
      this.#onStanding(
        'ring-intact',
        tampered === undefined
          ? undefined
          : {
              check: 'ring-intact',
              expected: `the driver's parts of queue ${index} as written`,
              got: tampered,
            },
      );
      const overrun = ring.overrun();
      this.#onStanding(
        'canary',
        overrun === undefined
          ? undefined
          : {
              check: 'canary',
              expected: `nothing written beside the rings of queue ${index}`,
              got: `${overrun} changed`,
            },
      );
    }
    const status = this.transport.readStatus();
    this.#onStanding(
      'needs-reset',
      (status & DeviceStatus.DEVICE_NEEDS_RESET) === 0
        ? undefined
        : {
            check: 'needs-reset',
            expected: 'DEVICE_NEEDS_RESET clear',
            got: `status 0x${status.toString(16)}`,
          },
    );
    this.#onStanding(
      'no-event',
      this.#events === 0
        ? undefined
        : {
            check: 'no-event',
            expected: 'no event: nothing happened to the device',
            got: `${this.#events} event buffer(s) returned`,
          },
    );
  }

  #readConfiguration(): Pick<DeviceState, 'requestQueues' | 'sizes'> {
    const { num_queues, sense_size, cdb_size } = virtioScsiConfig.fields;
    const word = (offset: number): number => {
      const bytes = this.transport.readConfig(offset, 4);
      return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    };
    const requestQueues = word(num_queues.offset);
    const queues = this.transport.queueCount();
    if (requestQueues < 1 || requestQueues + QueueIndex.REQUEST > queues)
      throw new DriverError(
        `num_queues says ${requestQueues} request queues, the transport has ${queues} queues in all`,
        'scsi.config.num-queues',
      );
    const sizes = { senseSize: word(sense_size.offset), cdbSize: word(cdb_size.offset) };
    // A device that announces absurd sizes must not make the driver lay out absurd requests.
    if (sizes.senseSize > 65536 || sizes.cdbSize > 65536)
      throw new DriverError(
        `sense_size ${sizes.senseSize} and cdb_size ${sizes.cdbSize} cannot be meant`,
        'scsi.config.reset-sense-size',
      );
    return { requestQueues, sizes };
  }

  #enableQueues(requestQueues: number): void {
    const { transport } = this;
    const vectors = transport.interrupts.vectors;
    transport.setConfigVector(0);
    for (let index = 0; index < QueueIndex.REQUEST + requestQueues; index++) {
      const max = transport.queueMaxSize(index);
      if (max === 0)
        throw new DriverError(`queue ${index} does not exist (its size reads 0)`, 'scsi.config.num-queues');
      const size = Math.min(QUEUE_SIZE, max);
      const ring = new SplitQueue(this.port.dma, this.poison, size);
      // One vector a queue after that for configuration changes; with too few the last is shared.
      const vector = vectors < 2 ? undefined : Math.min(index + 1, vectors - 1);
      if (vector !== undefined) transport.interrupts.clear(vector);
      transport.enableQueue(index, {
        size,
        desc: ring.desc.iova,
        driver: ring.avail.iova,
        device: ring.used.iova,
        vector,
      });
      this.#queues.set(index, { index, ring, vector });
    }
  }

  #postEventBuffers(): void {
    const queue = this.#queue(QueueIndex.EVENT);
    const chains: Chain[] = [];
    for (let i = 0; i < Math.min(EVENT_BUFFERS, queue.ring.size); i++) {
      const buffer = new GuardedBuffer(this.port.dma, this.poison, this.poison.take(virtioScsiEvent.size));
      this.#eventBuffers.push(buffer);
      chains.push(queue.ring.stage([{ iova: buffer.iova, length: buffer.size, writable: true }], undefined));
    }
    queue.ring.publish(chains);
    this.transport.notify(queue.index);
  }

  #queue(index: number): LiveQueue {
    const queue = this.#queues.get(index);
    if (queue === undefined)
      throw new DriverError(`queue ${index} is not live; live are ${[...this.#queues.keys()].join(', ')}`);
    return queue;
  }

  #collectFrom(queue: LiveQueue): void {
    // A device raises its interrupt after moving used idx, so the vector may lag behind what is already visible.
    // It is cleared before the ring is read: what is returned later raises it anew.
    let interrupted: boolean | undefined;
    if (queue.vector !== undefined && queue.index >= QueueIndex.REQUEST) {
      const { vector } = queue;
      interrupted = waitUntil(this.port, INTERRUPT_LIMIT_MS, () => this.transport.interrupts.raised(vector));
      this.transport.interrupts.clear(vector);
    }
    const { entries, implausible } = queue.ring.poll();
    if (implausible)
      this.#onStanding('used-once', {
        check: 'used-once',
        expected: `used idx at most ${implausible.outstanding} beyond ${implausible.from}, the number of outstanding chains`,
        got: `used idx ${implausible.to}`,
      });
    for (const { id, len, index, chain } of entries) {
      if (chain === undefined) {
        this.#onStanding('used-once', {
          check: 'used-once',
          expected: 'the id of an outstanding chain',
          got: `id ${id} in used entry ${index} of queue ${queue.index}`,
        });
        continue;
      }
      this.#onStanding('used-once', undefined);
      if (queue.index === QueueIndex.EVENT) this.#events++;
      const exchange = this.#flying.get(chain);
      if (exchange === undefined) continue;
      this.#flying.delete(chain);
      exchange.answer = readAnswer(exchange.placed, len);
      exchange.usedIndex = index;
      exchange.returned = this.#returned++;
      if (interrupted !== undefined) exchange.interrupted = interrupted;
    }
  }
}
