/** What both versions of virtio over MMIO have in common ("Virtio Over MMIO"). */
import type { InterruptLine, Interrupts } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { MmioAttachment } from '../../port/registers.js';
import type { TransportName } from '../../port/transport-name.js';
import { VIRTIO_ID_SCSI } from '../../wire/virtio.js';
import {
  MMIO_CONFIG_OFFSET,
  MMIO_MAGIC,
  type MmioLegacyRegisterName,
  type MmioRegister,
  type MmioRegisterName,
  mmioLegacyRegisters,
  mmioRegisters,
} from '../../wire/virtio-mmio.js';
import { readBytes, writeBytes } from '../device-config.js';
import { LineInterrupts, LineVector } from '../line-interrupts.js';
import {
  type DeviceRegister,
  type InterruptKind,
  type QueueAddresses,
  type Region,
  type RegionName,
  type Transport,
  TransportError,
} from '../transport.js';
import { type AnyMmioRegister, counterpart } from './register-names.js';

const REGIONS: ReadonlySet<RegionName> = new Set(['mmio', 'device']);
const KINDS: ReadonlySet<InterruptKind> = new Set(['line']);
const REGISTERS: Readonly<Record<AnyMmioRegister, MmioRegister>> = {
  ...mmioRegisters,
  ...mmioLegacyRegisters,
};

/** A register window; what differs between the versions is how features and queues are set up. */
export abstract class MmioTransport implements Transport {
  abstract readonly kind: TransportName;
  abstract readonly legacy: boolean;
  readonly fixedQueueSize = false;
  readonly interruptKinds = KINDS;
  readonly regions = REGIONS;
  readonly line: InterruptLine | undefined;
  readonly #line: LineInterrupts;
  readonly #mmio: Region;
  readonly #device: Region;

  /** Makes sure that the window is a SCSI host of this version; throws TransportError otherwise. */
  protected constructor({ window, line }: MmioAttachment, version: number) {
    this.#mmio = { window, offset: 0, length: window.size };
    this.#device = { window, offset: MMIO_CONFIG_OFFSET, length: window.size - MMIO_CONFIG_OFFSET };
    this.line = line;
    this.#line = new LineInterrupts(() => this.#takeInterrupts());
    const expect = (name: MmioRegisterName, wanted: number, requirement: string) => {
      const got = this.read(name);
      if (got !== wanted)
        throw new TransportError(
          `${name} reads 0x${got.toString(16)}, not 0x${wanted.toString(16)}`,
          requirement,
        );
    };
    expect('MagicValue', MMIO_MAGIC, 'virtio.mmio.magic');
    expect('Version', version, version === 1 ? 'virtio.legacy.mmio-version' : 'virtio.mmio.version');
    expect('DeviceID', VIRTIO_ID_SCSI, 'virtio.mmio.device-id');
  }

  /** The register window of a port; throws TransportError when the device is attached in another way. */
  protected static windowOf({ attachment, transport }: Port): MmioAttachment {
    if (attachment.kind !== 'mmio')
      throw new TransportError(`${transport} needs a register window, the port has ${attachment.kind}`);
    return attachment;
  }

  get interrupts(): Interrupts {
    return this.#line;
  }

  useInterrupts(kind: InterruptKind): void {
    if (kind !== 'line') throw new TransportError('virtio over MMIO has no interrupt messages');
  }

  usualVector(source: number | 'config'): number {
    return source === 'config' ? LineVector.CONFIGURATION : LineVector.USED_BUFFER;
  }

  /** Nothing below the device's own registers needs setting up. */
  restart(): void {}
  recover(): void {}

  readStatus(): number {
    return this.read('Status');
  }

  writeStatus(status: number): void {
    this.write('Status', status);
    this.#mmio.window.flush();
  }

  abstract deviceFeatures(): bigint;
  abstract writeDriverFeatures(features: bigint): void;
  abstract enableQueue(queue: number, addresses: QueueAddresses): void;

  /** No register tells: queues are there as long as QueueSizeMax is not 0. */
  queueCount(): undefined {
    return undefined;
  }

  queueMaxSize(queue: number): number {
    this.write('QueueSel', queue);
    return this.read('QueueSizeMax');
  }

  notify(_queue: number, value: number): void {
    this.write('QueueNotify', value);
    this.#mmio.window.flush();
  }

  fence(): void {
    this.#mmio.window.fence();
  }

  /** There is one line, and nothing to choose. */
  setConfigVector(): void {}

  readConfig(offset: number, length: number): Uint8Array {
    return readBytes(this.#device, offset, length);
  }

  writeConfig(offset: number, data: Uint8Array): void {
    writeBytes(this.#device, offset, data);
  }

  hasRegister(name: DeviceRegister, access: 'read' | 'write'): boolean {
    return counterpart(name, this.legacy)?.[access] !== undefined;
  }

  readRegister(name: DeviceRegister): bigint {
    const register = counterpart(name, this.legacy)?.read;
    if (register === undefined) throw new TransportError(`${this.kind} has no ${name} to read`);
    return BigInt(this.readByName(register));
  }

  writeRegister(name: DeviceRegister, value: bigint): void {
    const { write, high } = counterpart(name, this.legacy) ?? {};
    if (write === undefined) throw new TransportError(`${this.kind} has no ${name} to write`);
    this.write(write, Number(value & 0xffffffffn));
    if (high !== undefined) this.write(high, Number((value >> 32n) & 0xffffffffn));
  }

  /** Reads a register by the name of its table, of whichever version and direction. */
  readByName(name: AnyMmioRegister): number {
    const value = this.read(name);
    // Whoever reads the causes may acknowledge them, and they have been raised all the same.
    if (name === 'InterruptStatus') this.#line.note(value);
    return value;
  }

  /** Writes a register likewise. */
  writeByName(name: AnyMmioRegister, value: number): void {
    this.write(name, value);
    this.#mmio.window.fence();
  }

  region(name: RegionName): Region {
    if (name === 'mmio') return this.#mmio;
    if (name === 'device') return this.#device;
    throw new TransportError(`virtio over MMIO has no region ${name}`);
  }

  /** Registers are 32 bits wide, and accessed as such. */
  protected read(name: MmioRegisterName | MmioLegacyRegisterName): number {
    return this.#mmio.window.read(REGISTERS[name].offset, 4);
  }

  protected write(name: MmioRegisterName | MmioLegacyRegisterName, value: number): void {
    this.#mmio.window.write(REGISTERS[name].offset, 4, value);
  }

  /** The causes that the device shows, which it is told have been seen. */
  #takeInterrupts(): number {
    const causes = this.read('InterruptStatus');
    if (causes !== 0) this.write('InterruptACK', causes);
    return causes;
  }
}
