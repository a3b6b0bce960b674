/** Virtio over PCI, modern interface ("Virtio Over PCI Bus"). */
import type { Interrupts } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { PciAttachment, Width } from '../../port/registers.js';
import type { Field } from '../../wire/layout.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { VIRTIO_MSI_NO_VECTOR, VIRTIO_PCI_VENDOR, virtioPciCommonCfg } from '../../wire/virtio-pci.js';
import {
  type DeviceRegister,
  type QueueAddresses,
  type Region,
  type RegionName,
  type Transport,
  TransportError,
} from '../transport.js';
import {
  type CapabilityList,
  firstOfType,
  notifyMultiplier,
  type VirtioCapability,
  walkCapabilities,
} from './capabilities.js';
import { MessageCells } from './msix.js';
import { MsixStructures } from './msix-structures.js';

const common = virtioPciCommonCfg.fields;
/** Offsets of the base address registers. */
const BARS = Array.from({ length: 6 }, (_, index) => pciHeader.fields.bar0.offset + 4 * index);

/** The modern PCI transport of one function. Opening it enables memory accesses, bus mastering and MSI-X. */
export class VirtioPci implements Transport {
  readonly kind = 'virtio-pci';
  readonly interrupts: Interrupts;
  readonly capabilities: CapabilityList;
  readonly #common: Region;
  readonly #notify: Region;
  readonly #device: Region;
  readonly #pci: PciAttachment;
  /** Interrupts of this transport's own; undefined where the port delivers them. */
  readonly #cells: MessageCells | undefined;
  /** The MSI-X structures, where the function has any. */
  readonly msix: MsixStructures | undefined;
  /** The base address registers as they were when the function was opened. */
  readonly #bars: readonly number[];
  #disturbed = false;
  /** Bytes between the notify addresses of two notify offsets. */
  readonly notifyMultiplier: number;
  /** queue_notify_off by queue: fixed properties of the device, read once. */
  readonly #notifyOffsets = new Map<number, number>();

  private constructor(port: Port, pci: PciAttachment) {
    const vendor = pci.config.read(pciHeader.fields.vendor_id.offset, 2);
    if (vendor !== VIRTIO_PCI_VENDOR)
      throw new TransportError(
        `PCI vendor is 0x${vendor.toString(16)}, a virtio function has 0x1af4`,
        'virtio.pci.vendor-id',
      );
    enableBusAccess(pci);
    this.#bars = BARS.map((offset) => pci.config.read(offset, 4));
    this.capabilities = walkCapabilities(pci.config);
    this.#pci = pci;
    const notifyCap = firstOfType(this.capabilities, 'NOTIFY_CFG');
    this.#common = this.#structure(firstOfType(this.capabilities, 'COMMON_CFG'));
    this.#notify = this.#structure(notifyCap);
    this.#device = this.#structure(firstOfType(this.capabilities, 'DEVICE_CFG'));
    this.notifyMultiplier = notifyMultiplier(pci.config, notifyCap);
    const { msix } = this.capabilities;
    this.msix = msix === undefined ? undefined : new MsixStructures(pci, msix);
    if (port.interrupts) this.interrupts = port.interrupts;
    else if (this.msix === undefined) throw new TransportError('the function has no MSI-X capability');
    else this.interrupts = this.#cells = new MessageCells(pci.config, port.dma, this.msix);
  }

  /** Opens the transport on a port with a PCI function. Throws TransportError when the function is no usable virtio device. */
  static open(port: Port): VirtioPci {
    if (port.attachment.kind !== 'pci')
      throw new TransportError(`virtio-pci needs a PCI function, the port has ${port.attachment.kind}`);
    return new VirtioPci(port, port.attachment);
  }

  #structure(cap: VirtioCapability): Region {
    const window = this.#pci.bar(cap.bar);
    if (window === undefined)
      throw new TransportError(`a capability points into BAR ${cap.bar}, which the function lacks`);
    if (cap.offset + cap.length > window.size)
      throw new TransportError(
        `a capability names bytes ${cap.offset}+${cap.length} of BAR ${cap.bar}, which has ${window.size}`,
      );
    return { window, offset: cap.offset, length: cap.length };
  }

  readRegister(name: DeviceRegister): bigint {
    if (name === 'isr') {
      const { window, offset } = this.region('isr');
      return BigInt(window.read(offset, 1));
    }
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
        return { window: this.#pci.config, offset: 0, length: this.#pci.config.size };
      case 'common':
        return this.#common;
      case 'notify':
        return this.#notify;
      case 'device':
        return this.#device;
      case 'isr':
        return this.#structure(firstOfType(this.capabilities, 'ISR_CFG'));
    }
  }

  restart(): void {
    enableBusAccess(this.#pci);
    this.#cells?.program();
    this.#disturbed = false;
  }

  /** Tells that configuration space or the MSI-X structures were written by hand. */
  disturb(): void {
    this.#disturbed = true;
  }

  recover(): void {
    if (!this.#disturbed) return;
    const { config } = this.#pci;
    const { offset } = pciHeader.fields.command;
    config.write(offset, 2, config.read(offset, 2) & ~(PciCommand.IO | PciCommand.MEMORY));
    for (const [index, value] of this.#bars.entries()) config.write(BARS[index] ?? 0, 4, value);
    this.restart();
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
    if (!this.#notifyOffsets.has(queue)) this.#notifyOffsets.set(queue, this.#read(common.queue_notify_off));
    this.#write(common.queue_size, size);
    this.#write(common.queue_msix_vector, vector ?? VIRTIO_MSI_NO_VECTOR);
    this.#write64(common.queue_desc, desc);
    this.#write64(common.queue_driver, driver);
    this.#write64(common.queue_device, device);
    this.#write(common.queue_enable, 1);
  }

  notify(queue: number, value = queue): void {
    const offset = (this.#notifyOffsets.get(queue) ?? 0) * this.notifyMultiplier;
    const { window } = this.#notify;
    window.write(this.#notify.offset + offset, 2, value & 0xffff);
    window.flush();
  }

  fence(): void {
    this.#common.window.fence();
  }

  setConfigVector(vector: number | undefined): void {
    this.#write(common.config_msix_vector, vector ?? VIRTIO_MSI_NO_VECTOR);
  }

  readConfig(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const width = accessWidth(offset + done, length - done);
      const value = this.#device.window.read(this.#device.offset + offset + done, width);
      for (let i = 0; i < width; i++) out[done + i] = (value >>> (8 * i)) & 0xff;
      done += width;
    }
    return out;
  }

  writeConfig(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const width = accessWidth(offset + done, data.length - done);
      let value = 0;
      for (let i = 0; i < width; i++) value += (data[done + i] ?? 0) * 2 ** (8 * i);
      this.#device.window.write(this.#device.offset + offset + done, width, value);
      done += width;
    }
  }

  configGeneration(): number {
    return this.#read(common.config_generation);
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

/** The widest naturally aligned access at `offset` that stays within `left` bytes. */
function accessWidth(offset: number, left: number): Width {
  if (offset % 4 === 0 && left >= 4) return 4;
  if (offset % 2 === 0 && left >= 2) return 2;
  return 1;
}

/** Lets the function answer memory accesses and master the bus; interrupts come as messages only. */
function enableBusAccess({ config }: PciAttachment): void {
  const { offset } = pciHeader.fields.command;
  config.write(
    offset,
    2,
    config.read(offset, 2) | PciCommand.MEMORY | PciCommand.MASTER | PciCommand.INTX_DISABLE,
  );
}
