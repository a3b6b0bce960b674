/**
 * A vhost back-end as a virtio device. The parts of a device that lie above vhost are the virtual machine monitor's,
 * and the driver's own bookkeeping stands in for them here: what cases ask of those parts is not there to be tested,
 * which `hasRegister` and `regions` say.
 */
import type { InterruptLine, Interrupts } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { RegisterWindow } from '../../port/registers.js';
import type { TransportName } from '../../port/transport-name.js';
import { type VhostAttachment, type VhostConfig, VhostRefusedError } from '../../port/vhost.js';
import { DeviceStatus, featureSet, hasFeature, LEGACY_ONLY_FEATURES } from '../../wire/virtio.js';
import { readBytes, writeBytes } from '../device-config.js';
import {
  type DeviceRegister,
  type InterruptKind,
  type QueueAddresses,
  type Region,
  type RegionName,
  type Transport,
  TransportError,
} from '../transport.js';

const KINDS: ReadonlySet<InterruptKind> = new Set(['events']);

/** Features that are carried out above vhost: by registers, by what notifications say, or by translating addresses. */
const ABOVE = featureSet(
  'VIRTIO_F_ACCESS_PLATFORM',
  'VIRTIO_F_SR_IOV',
  'VIRTIO_F_NOTIFICATION_DATA',
  'VIRTIO_F_NOTIF_CONFIG_DATA',
  'VIRTIO_F_RING_RESET',
  'VIRTIO_F_ADMIN_VQ',
);

/** Where a ring begins: a split one at index 0, a packed one at offset 0 with both wrap counters 1. */
const SPLIT_BASE = 0;
const PACKED_BASE = 0x8000_8000;

/** The transport for either kind of back-end. */
export class Vhost implements Transport {
  readonly kind: TransportName;
  readonly legacy = false;
  readonly fixedQueueSize = false;
  readonly featuresAbove = ABOVE;
  readonly interruptKinds = KINDS;
  readonly interrupts: Interrupts;
  readonly line: InterruptLine | undefined = undefined;
  readonly regions: ReadonlySet<RegionName>;
  readonly #vhost: VhostAttachment;
  /** The status by the driver's own count, where the back-end has none. */
  #status = 0;
  #features = 0n;
  /** A ring was refused since the last reset: nothing comes of it. */
  #refused = false;
  readonly #device: Region;

  private constructor(kind: TransportName, vhost: VhostAttachment, interrupts: Interrupts) {
    this.kind = kind;
    this.interrupts = interrupts;
    this.#vhost = vhost;
    this.#device = { window: configWindow(vhost.config), offset: 0, length: vhost.config.size };
    this.regions = new Set<RegionName>(vhost.config.served ? ['device'] : []);
  }

  /** Opens the transport. Throws TransportError when the port has no vhost back-end. */
  static open({ transport, attachment, interrupts }: Port): Vhost {
    if (attachment.kind !== 'vhost')
      throw new TransportError(`${transport} needs a vhost back-end, the port has ${attachment.kind}`);
    if (interrupts === undefined) throw new TransportError(`the port of ${transport} delivers no events`);
    return new Vhost(transport, attachment, interrupts);
  }

  useInterrupts(kind: InterruptKind): void {
    if (kind !== 'events') throw new TransportError(`a vhost back-end has no interrupts by ${kind}`);
  }

  usualVector(source: number | 'config'): number | undefined {
    return source === 'config' ? this.#vhost.configVector : source;
  }

  /** Nothing below the back-end needs setting up. */
  restart(): void {
    this.#status = 0;
  }
  recover(): void {}

  readStatus(): number {
    const status = this.#vhost.status?.read() ?? this.#status;
    // Refusing a ring, or reporting an error of one, is what a back-end has for asking for a reset.
    const broken = this.#refused || this.#vhost.faults().length > 0;
    return status | (broken ? DeviceStatus.DEVICE_NEEDS_RESET : 0);
  }

  writeStatus(written: number): void {
    const { FEATURES_OK, DRIVER_OK } = DeviceStatus;
    const news = written & ~this.#status;
    if (written === 0) {
      this.#vhost.reset();
      this.#status = 0;
      this.#features = 0n;
      this.#refused = false;
      this.#vhost.status?.write(0);
      return;
    }
    this.#status = written;
    if (news & FEATURES_OK && !accepted(() => this.#vhost.setFeatures(this.#features)))
      this.#status &= ~FEATURES_OK;
    if (news & DRIVER_OK) this.#refused = !accepted(() => this.#vhost.start()) || this.#refused;
    this.#vhost.status?.write(this.#status);
  }

  /** One word serves drivers of both interfaces below registers; to this one no legacy feature is offered. */
  deviceFeatures(): bigint {
    const suspend = this.#vhost.status ? 0n : featureSet('VIRTIO_F_SUSPEND');
    return this.#vhost.features() & ~(LEGACY_ONLY_FEATURES | ABOVE | suspend);
  }

  writeDriverFeatures(features: bigint): void {
    this.#features = features;
  }

  queueCount(): number | undefined {
    return this.#vhost.queues;
  }

  queueMaxSize(queue: number): number {
    const { queues, maxRingSize } = this.#vhost;
    return queues !== undefined && queue >= queues ? 0 : maxRingSize;
  }

  enableQueue(queue: number, { size, desc, driver, device }: QueueAddresses): void {
    const base = hasFeature(this.#features, 'VIRTIO_F_RING_PACKED') ? PACKED_BASE : SPLIT_BASE;
    const taken = accepted(() => this.#vhost.setRing(queue, { size, base, desc, driver, device }));
    this.#refused = !taken || this.#refused;
  }

  /** An event says nothing but that there is something. */
  notify(queue: number): void {
    this.#vhost.kick(queue);
  }

  /** Every call has returned when the back-end had taken it. */
  fence(): void {}

  /** A back-end that tells of changes of the configuration does so in its own way. */
  setConfigVector(): void {}

  readConfig(offset: number, length: number): Uint8Array {
    return readBytes(this.#device, offset, length);
  }

  writeConfig(offset: number, data: Uint8Array): void {
    writeBytes(this.#device, offset, data);
  }

  hasRegister(name: DeviceRegister): boolean {
    return name === 'device_status' && this.#vhost.status !== undefined;
  }

  readRegister(name: DeviceRegister): bigint {
    if (!this.hasRegister(name)) throw new TransportError(`${this.kind} has no ${name}`);
    return BigInt(this.#vhost.status?.read() ?? 0);
  }

  writeRegister(name: DeviceRegister, value: bigint): void {
    if (!this.hasRegister(name)) throw new TransportError(`${this.kind} has no ${name}`);
    this.writeStatus(Number(value));
  }

  region(name: RegionName): Region {
    if (this.regions.has(name)) return this.#device;
    throw new TransportError(`${this.kind} has no region ${name}`);
  }
}

/** Whether the back-end did not refuse. */
function accepted(deed: () => void): boolean {
  try {
    deed();
    return true;
  } catch (error) {
    if (error instanceof VhostRefusedError) return false;
    throw error;
  }
}

/** The configuration as registers: every access asks the back-end. */
function configWindow(config: VhostConfig): RegisterWindow {
  return {
    size: config.size,
    read: (offset, width) => config.read(offset, width).reduceRight((value, byte) => value * 0x100 + byte, 0),
    write: (offset, width, value) =>
      config.write(
        offset,
        Uint8Array.from({ length: width }, (_, i) => (value >>> (8 * i)) & 0xff),
      ),
    flush: () => {},
    fence: () => {},
  };
}
