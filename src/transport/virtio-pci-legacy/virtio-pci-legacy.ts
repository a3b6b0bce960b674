/** Virtio over PCI, legacy interface ("Legacy Interfaces: A Note on PCI Device Layout"). */
import type { Port } from '../../port/port.js';
import type { PciAttachment, RegisterWindow, Width } from '../../port/registers.js';
import type { Field } from '../../wire/layout.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { VIRTIO_MSI_NO_VECTOR } from '../../wire/virtio-pci.js';
import {
  LEGACY_PAGE_SIZE,
  legacyConfigOffset,
  legacyHeader,
  legacyMsixHeader,
} from '../../wire/virtio-pci-legacy.js';
import { readBytes, writeBytes } from '../device-config.js';
import {
  type DeviceRegister,
  type QueueAddresses,
  type Region,
  type RegionName,
  type Transport,
  TransportError,
} from '../transport.js';
import { PciTransport } from '../virtio-pci/pci-transport.js';

const header = legacyHeader.fields;
const msix = legacyMsixHeader.fields;
/** Bit of a base address register: it is in I/O space. */
const IO_SPACE = 1;
const REGIONS: ReadonlySet<RegionName> = new Set(['pci', 'legacy', 'device']);

/** Registers by the names of the common configuration, with where they are and what may be done with them. */
const REGISTERS: Partial<
  Record<DeviceRegister, { readonly field: Field; readonly access: 'r' | 'w' | 'rw' }>
> = {
  device_feature: { field: header.device_features, access: 'r' },
  driver_feature: { field: header.driver_features, access: 'rw' },
  queue_size: { field: header.queue_size, access: 'r' },
  queue_select: { field: header.queue_select, access: 'rw' },
  device_status: { field: header.device_status, access: 'rw' },
  isr: { field: header.isr_status, access: 'r' },
  config_msix_vector: { field: msix.config_msix_vector, access: 'rw' },
  queue_msix_vector: { field: msix.queue_msix_vector, access: 'rw' },
};

/** The legacy interface of a transitional function. Opening it enables accesses to its I/O region, and MSI-X. */
export class VirtioPciLegacy extends PciTransport implements Transport {
  readonly kind = 'pci-legacy';
  readonly legacy = true;
  readonly fixedQueueSize = true;
  readonly regions = REGIONS;
  readonly #window: RegisterWindow;

  private constructor(port: Port, pci: PciAttachment) {
    // The MSI-X table lies in memory space.
    super(port, pci, PciCommand.IO | PciCommand.MEMORY);
    const window =
      (pci.config.read(pciHeader.fields.bar0.offset, 4) & IO_SPACE) === 0 ? undefined : pci.bar(0);
    if (window === undefined)
      throw new TransportError(
        'BAR 0 is no I/O region: no legacy interface',
        'virtio.legacy.pci-expose-bar0',
      );
    this.#window = window;
  }

  /** Opens the transport. Throws TransportError when the port has no function with a legacy interface. */
  static open(port: Port): VirtioPciLegacy {
    return new VirtioPciLegacy(port, PciTransport.functionOf(port));
  }

  readStatus(): number {
    return this.#read(header.device_status);
  }

  writeStatus(status: number): void {
    this.#write(header.device_status, status);
    this.#window.flush();
  }

  deviceFeatures(): bigint {
    return BigInt(this.#read(header.device_features));
  }

  writeDriverFeatures(features: bigint): void {
    this.#write(header.driver_features, Number(features & 0xffffffffn));
  }

  /** No register tells: queues are there as long as their size is not 0. */
  queueCount(): undefined {
    return undefined;
  }

  queueMaxSize(queue: number): number {
    this.#write(header.queue_select, queue);
    return this.#read(header.queue_size);
  }

  enableQueue(queue: number, { desc, vector }: QueueAddresses): void {
    this.#write(header.queue_select, queue);
    this.#writeVector(msix.queue_msix_vector, vector);
    this.#write(header.queue_address, Number(desc / BigInt(LEGACY_PAGE_SIZE)));
  }

  notify(_queue: number, value: number): void {
    this.#write(header.queue_notify, value & 0xffff);
    this.#window.flush();
  }

  fence(): void {
    this.#window.fence();
  }

  setConfigVector(vector: number | undefined): void {
    this.#writeVector(msix.config_msix_vector, vector);
  }

  readConfig(offset: number, length: number): Uint8Array {
    return readBytes(this.region('device'), offset, length);
  }

  writeConfig(offset: number, data: Uint8Array): void {
    writeBytes(this.region('device'), offset, data);
  }

  hasRegister(name: DeviceRegister, access: 'read' | 'write'): boolean {
    const register = REGISTERS[name];
    if (register === undefined || !register.access.includes(access === 'read' ? 'r' : 'w')) return false;
    return this.messages || (name !== 'config_msix_vector' && name !== 'queue_msix_vector');
  }

  readRegister(name: DeviceRegister): bigint {
    const field = this.#register(name, 'read');
    return BigInt(name === 'isr' ? this.takeIsr() : this.#read(field));
  }

  writeRegister(name: DeviceRegister, value: bigint): void {
    const field = this.#register(name, 'write');
    this.#write(field, Number(BigInt.asUintN(8 * field.size, value)));
  }

  /** The registers that follow the header move with MSI-X, so `device` is where it is now. */
  region(name: RegionName): Region {
    const window = this.#window;
    if (name === 'pci') return { window: this.pci.config, offset: 0, length: this.pci.config.size };
    if (name === 'legacy') return { window, offset: 0, length: window.size };
    if (name !== 'device') throw new TransportError(`the legacy interface has no region ${name}`);
    const offset = legacyConfigOffset(this.messages);
    return { window, offset, length: window.size - offset };
  }

  protected readIsr(): number {
    return this.#read(header.isr_status);
  }

  #register(name: DeviceRegister, access: 'read' | 'write'): Field {
    const register = REGISTERS[name];
    if (register === undefined || !this.hasRegister(name, access))
      throw new TransportError(`the legacy interface has no ${name} to ${access}`);
    return register.field;
  }

  #writeVector(field: Field, vector: number | undefined): void {
    if (this.messages) this.#write(field, vector ?? VIRTIO_MSI_NO_VECTOR);
  }

  #at(field: Field): number {
    const follows = field === msix.config_msix_vector || field === msix.queue_msix_vector;
    return field.offset + (follows ? legacyHeader.size : 0);
  }

  #read(field: Field): number {
    return this.#window.read(this.#at(field), field.size as Width);
  }

  #write(field: Field, value: number): void {
    this.#window.write(this.#at(field), field.size as Width, value);
  }
}
