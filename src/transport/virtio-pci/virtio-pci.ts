/** Virtio over PCI, modern interface ("Virtio Over PCI Bus"). */
import type { Port } from '../../port/port.js';
import type { PciAttachment, Width } from '../../port/registers.js';
import type { Field } from '../../wire/layout.js';
import { PciCommand } from '../../wire/pci.js';
import { VIRTIO_MSI_NO_VECTOR, virtioPciCommonCfg } from '../../wire/virtio-pci.js';
import { readBytes, writeBytes } from '../device-config.js';
import {
  type DeviceRegister,
  type QueueAddresses,
  type Region,
  type RegionName,
  type Transport,
  TransportError,
} from '../transport.js';
import { firstOfType, notifyMultiplier, type VirtioCapability } from './capabilities.js';
import { PciTransport } from './pci-transport.js';

const common = virtioPciCommonCfg.fields;
const REGIONS: ReadonlySet<RegionName> = new Set(['pci', 'common', 'notify', 'isr', 'device']);

/** The modern PCI transport of one function. Opening it enables memory accesses, bus mastering and MSI-X. */
export class VirtioPci extends PciTransport implements Transport {
  readonly kind = 'pci';
  readonly legacy = false;
  readonly fixedQueueSize = false;
  readonly regions = REGIONS;
  readonly #common: Region;
  readonly #notify: Region;
  readonly #device: Region;
  /** Bytes between the notify addresses of two notify offsets. */
  readonly notifyMultiplier: number;
  /** queue_notify_off by queue: fixed properties of the device, read once. */
  readonly #notifyOffsets = new Map<number, number>();

  private constructor(port: Port, pci: PciAttachment) {
    super(port, pci, PciCommand.MEMORY);
    const notifyCap = firstOfType(this.capabilities, 'NOTIFY_CFG');
    this.#common = this.#structure(firstOfType(this.capabilities, 'COMMON_CFG'));
    this.#notify = this.#structure(notifyCap);
    this.#device = this.#structure(firstOfType(this.capabilities, 'DEVICE_CFG'));
    this.notifyMultiplier = notifyMultiplier(pci.config, notifyCap);
  }

  /** Opens the transport on a port with a PCI function. Throws TransportError when the function is no usable virtio device. */
  static open(port: Port): VirtioPci {
    return new VirtioPci(port, PciTransport.functionOf(port));
  }

  #structure(cap: VirtioCapability): Region {
    const window = this.pci.bar(cap.bar);
    if (window === undefined)
      throw new TransportError(`a capability points into BAR ${cap.bar}, which the function lacks`);
    if (cap.offset + cap.length > window.size)
      throw new TransportError(
        `a capability names bytes ${cap.offset}+${cap.length} of BAR ${cap.bar}, which has ${window.size}`,
      );
    return { window, offset: cap.offset, length: cap.length };
  }

  hasRegister(): boolean {
    return true;
  }

  readRegister(name: DeviceRegister): bigint {
    if (name === 'isr') return BigInt(this.takeIsr());
    const field = common[name];
    if (field.size < 8) return BigInt(this.#read(field));
    const { window, offset } = this.#common;
    const low = BigInt(window.read(offset + field.offset, 4));
    return low | (BigInt(window.read(offset + field.offset + 4, 4)) << 32n);
  }

  writeRegister(name: DeviceRegister, value: bigint): void {
    if (name === 'isr') {
      const { window, offset } = this.region('isr');
      window.write(offset, 1, Number(value & 0xffn));
      return;
    }
    const field = common[name];
    if (field.size === 8) this.#write64(field, value);
    else this.#write(field, Number(BigInt.asUintN(8 * field.size, value)));
  }

  region(name: RegionName): Region {
    switch (name) {
      case 'pci':
        return { window: this.pci.config, offset: 0, length: this.pci.config.size };
      case 'common':
        return this.#common;
      case 'notify':
        return this.#notify;
      case 'device':
        return this.#device;
      case 'isr':
        return this.#structure(firstOfType(this.capabilities, 'ISR_CFG'));
      default:
        throw new TransportError(`the modern interface has no region ${name}`);
    }
  }

  protected readIsr(): number {
    const { window, offset } = this.region('isr');
    return window.read(offset, 1);
  }

  readStatus(): number {
    return this.#read(common.device_status);
  }

  writeStatus(status: number): void {
    this.#write(common.device_status, status);
    this.#common.window.flush();
  }

  deviceFeatures(): bigint {
    this.#write(common.device_feature_select, 0);
    const low = BigInt(this.#read(common.device_feature));
    this.#write(common.device_feature_select, 1);
    return low | (BigInt(this.#read(common.device_feature)) << 32n);
  }

  writeDriverFeatures(features: bigint): void {
    this.#write(common.driver_feature_select, 0);
    this.#write(common.driver_feature, Number(features & 0xffffffffn));
    this.#write(common.driver_feature_select, 1);
    this.#write(common.driver_feature, Number((features >> 32n) & 0xffffffffn));
  }

  queueCount(): number {
    return this.#read(common.num_queues);
  }

  queueMaxSize(queue: number): number {
    this.#write(common.queue_select, queue);
    return this.#read(common.queue_size);
  }

  enableQueue(queue: number, { size, desc, driver, device, vector }: QueueAddresses): void {
    this.#write(common.queue_select, queue);
    this.#notifyOffset(queue);
    this.#write(common.queue_size, size);
    this.#write(common.queue_msix_vector, this.#message(vector));
    this.#write64(common.queue_desc, desc);
    this.#write64(common.queue_driver, driver);
    this.#write64(common.queue_device, device);
    this.#write(common.queue_enable, 1);
  }

  notify(queue: number, value: number, wide = false): void {
    const { window, length } = this.#notify;
    const width = wide ? 4 : 2;
    const told = this.#notifyOffset(queue) * this.notifyMultiplier;
    // What a queue that does not exist says of its place may lead anywhere.
    const offset = told + width <= length ? told : 0;
    window.write(this.#notify.offset + offset, width, wide ? value >>> 0 : value & 0xffff);
    window.flush();
  }

  /** Selects the queue, the first time. */
  #notifyOffset(queue: number): number {
    let offset = this.#notifyOffsets.get(queue);
    if (offset === undefined) {
      this.#write(common.queue_select, queue);
      offset = this.#read(common.queue_notify_off);
      this.#notifyOffsets.set(queue, offset);
    }
    return offset;
  }

  fence(): void {
    this.#common.window.fence();
  }

  setConfigVector(vector: number | undefined): void {
    this.#write(common.config_msix_vector, this.#message(vector));
  }

  /** What a vector register is given: the vectors of the line have no message. */
  #message(vector: number | undefined): number {
    return this.messages && vector !== undefined ? vector : VIRTIO_MSI_NO_VECTOR;
  }

  readConfig(offset: number, length: number): Uint8Array {
    return readBytes(this.#device, offset, length);
  }

  writeConfig(offset: number, data: Uint8Array): void {
    writeBytes(this.#device, offset, data);
  }

  #read(field: Field): number {
    return this.#common.window.read(this.#common.offset + field.offset, field.size as Width);
  }

  #write(field: Field, value: number): void {
    this.#common.window.write(this.#common.offset + field.offset, field.size as Width, value);
  }

  /** 64-bit fields are written by two accesses of 4 bytes, low half first, as the standard asks of the driver. */
  #write64(field: Field, value: bigint): void {
    const { window, offset } = this.#common;
    window.write(offset + field.offset, 4, Number(value & 0xffffffffn));
    window.write(offset + field.offset + 4, 4, Number(value >> 32n));
  }
}
