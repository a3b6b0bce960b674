/**
 * A device reduced to its rings, for testing the harness: memory at an address of its own, and a callback that plays
 * the device whenever a queue is notified. It knows nothing of the harness beyond the contracts.
 */
import type { AllocOptions, DmaBlock, DmaMark, DmaSpace } from '../../src/port/dma-space.js';
import type { Interrupts } from '../../src/port/interrupts.js';
import type { Port } from '../../src/port/port.js';
import {
  type DeviceRegister,
  type InterruptKind,
  type QueueAddresses,
  type Transport,
  TransportError,
} from '../../src/transport/transport.js';
import { DescFlag } from '../../src/wire/split-ring.js';
import { Feature } from '../../src/wire/virtio.js';
import { virtioScsiConfig } from '../../src/wire/virtio-scsi.js';

const SIZE = 4 << 20;
/** More than any chain has. */
const MOST_DESCRIPTORS = 0x10000;

/** Memory at one address, bump-allocated. */
export class FakeMemory implements DmaSpace {
  readonly mapped = true;
  readonly base: bigint = 0x7_1234_5000n;
  readonly bytes = new Uint8Array(SIZE);
  readonly view = new DataView(this.bytes.buffer);
  #next = 0;

  alloc(size: number, { align = 1 }: AllocOptions = {}): DmaBlock {
    const at = Math.ceil(this.#next / align) * align;
    if (at + size > SIZE) throw new Error('fake memory exhausted');
    this.#next = at + size;
    const view = this.bytes.subarray(at, at + size);
    view.fill(0);
    return { iova: this.base + BigInt(at), size, view, publish() {}, fetch() {} };
  }
  mark(): DmaMark {
    return this.#next as unknown as DmaMark;
  }
  release(mark: DmaMark): void {
    this.#next = mark as unknown as number;
  }
  /** Offset in `bytes` of a device address. */
  at(iova: bigint): number {
    return Number(iova - this.base);
  }
}

/** One descriptor as the device finds it. */
export interface FakeDescriptor {
  readonly at: number;
  readonly length: number;
  readonly writable: boolean;
}

export class FakeDevice implements Transport {
  readonly kind = 'mmio';
  legacy = false;
  readonly fixedQueueSize = false;
  readonly interruptKinds = new Set<InterruptKind>(['messages']);
  readonly line = undefined;
  readonly regions = new Set<never>();
  readonly memory = new FakeMemory();
  readonly queues = new Map<number, QueueAddresses>();
  readonly raised = new Set<number>();
  readonly interrupts: Interrupts = {
    vectors: 8,
    raised: (vector) => this.raised.has(vector),
    clear: (vector) => void this.raised.delete(vector),
  };
  /** Plays the device when a queue is notified. */
  onNotify: (queue: number, value: number, wide: boolean) => void = () => {};
  /** queue_notif_config_data of every queue. */
  notifyData = 0n;
  status = 0;
  features = (1n << BigInt(Feature.VIRTIO_F_VERSION_1)) | (1n << BigInt(Feature.VIRTIO_F_INDIRECT_DESC));
  config = virtioScsiConfig.encode({
    num_queues: 2,
    sense_size: 96,
    cdb_size: 32,
    event_info_size: 16,
    max_target: 255,
  });
  #time = 0;
  /** avail idx up to which each queue has been looked at, and the used idx that it has reached. */
  readonly #seen = new Map<number, number>();
  readonly #used = new Map<number, number>();

  readonly port: Port = {
    transport: 'mmio',
    attachment: { kind: 'mmio', window: { size: 0, read: () => 0, write() {}, flush() {}, fence() {} } },
    dma: this.memory,
    clock: { now: () => this.#time, relax: () => void this.#time++ },
    lifecycle: { alive: () => true, settle() {} },
    controls: { offered: new Set(), invoke() {} },
    close() {},
  };

  readStatus = () => this.status;
  writeStatus(status: number): void {
    this.status = status;
    if (status !== 0) return;
    this.queues.clear();
    this.#seen.clear();
    this.#used.clear();
    this.raised.clear();
  }
  deviceFeatures = () => this.features;
  writeDriverFeatures(): void {}
  queueCount = () => 4;
  queueMaxSize = () => 64;
  enableQueue(queue: number, addresses: QueueAddresses): void {
    this.queues.set(queue, addresses);
  }
  notify(queue: number, value: number, wide = false): void {
    this.onNotify(queue, value, wide);
  }
  fence(): void {}
  setConfigVector(): void {}
  readConfig = (offset: number, length: number) => this.config.slice(offset, offset + length);
  writeConfig(offset: number, data: Uint8Array): void {
    this.config.set(data, offset);
  }
  useInterrupts(): void {}
  usualVector = (source: number | 'config') => (source === 'config' ? 0 : source + 1);
  hasRegister = () => false;
  restart(): void {}
  recover(): void {}
  readRegister = (name: DeviceRegister) => (name === 'queue_notif_config_data' ? this.notifyData : 0n);
  writeRegister(): void {}
  region = (name: string): never => {
    throw new TransportError(`the fake device has no ${name}`);
  };

  #queue(index: number): QueueAddresses {
    const queue = this.queues.get(index);
    if (!queue) throw new Error(`queue ${index} is not enabled`);
    return queue;
  }

  /** Heads made available since the last call. */
  available(index: number): number[] {
    const { driver, size } = this.#queue(index);
    const at = this.memory.at(driver);
    const idx = this.memory.view.getUint16(at + 2, true);
    const heads: number[] = [];
    let seen = this.#seen.get(index) ?? 0;
    for (; seen !== idx; seen = (seen + 1) & 0xffff)
      heads.push(this.memory.view.getUint16(at + 4 + 2 * (seen % size), true));
    this.#seen.set(index, seen);
    return heads;
  }

  /** The descriptors of a chain, an indirect table included. */
  chain(index: number, head: number): FakeDescriptor[] {
    const out: FakeDescriptor[] = [];
    let hops = 0;
    const walk = (table: number, first: number): void => {
      for (let i = first; ; ) {
        if (++hops > MOST_DESCRIPTORS) throw new Error('the descriptors form a loop');
        const at = table + 16 * i;
        const { view } = this.memory;
        const address = this.memory.at(view.getBigUint64(at, true));
        const length = view.getUint32(at + 8, true);
        const flags = view.getUint16(at + 12, true);
        if (flags & DescFlag.INDIRECT) walk(address, 0);
        else out.push({ at: address, length, writable: (flags & DescFlag.WRITE) !== 0 });
        if ((flags & DescFlag.NEXT) === 0) return;
        i = view.getUint16(at + 14, true);
      }
    };
    walk(this.memory.at(this.#queue(index).desc), head);
    return out;
  }

  /** Writes bytes over the writable descriptors of a chain, from the first. */
  answer(index: number, head: number, bytes: Uint8Array): void {
    let done = 0;
    for (const { at, length } of this.chain(index, head).filter(({ writable }) => writable)) {
      this.memory.bytes.set(bytes.subarray(done, done + length), at);
      done += Math.min(length, bytes.length - done);
    }
  }

  /** Puts an entry into the used ring, moves used idx and raises the queue's vector. */
  use(index: number, id: number, len: number, raise = true): void {
    const { device, size, vector } = this.#queue(index);
    const at = this.memory.at(device);
    const used = this.#used.get(index) ?? 0;
    this.memory.view.setUint32(at + 4 + 8 * (used % size), id, true);
    this.memory.view.setUint32(at + 8 + 8 * (used % size), len, true);
    this.moveUsed(index, used + 1);
    if (raise && vector !== undefined) this.raised.add(vector);
  }

  /** Sets used idx to any value. */
  moveUsed(index: number, value: number): void {
    const { device } = this.#queue(index);
    this.#used.set(index, value & 0xffff);
    this.memory.view.setUint16(this.memory.at(device) + 2, value & 0xffff, true);
  }
}
