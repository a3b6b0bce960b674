/** What both layouts of virtio-mmio have in common: the window, the shared registers, the interrupt. */
import { featureSet, hasFeature, VIRTIO_ID_SCSI } from '../../wire/virtio.js';
import {
  MMIO_CONFIG_OFFSET,
  MMIO_MAGIC,
  MmioInterrupt,
  type MmioRegister,
  type mmioLegacyRegisters,
  type mmioRegisters,
} from '../../wire/virtio-mmio.js';
import { VIRTIO_PCI_VENDOR } from '../../wire/virtio-pci.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import type { AccessWidth, RegisterRange } from '../register-window.js';
import type { InterfaceKind, Transport, VirtioDevice } from '../virtio/device.js';
import type { Virtqueue } from '../virtio/queue.js';

const REGISTER_WIDTH = 4;

/** A name of either register table. */
export type MmioName = keyof typeof mmioRegisters | keyof typeof mmioLegacyRegisters;

/** A virtio-mmio device. A layout adds its registers by `readRegister` and `writeRegister`. */
export abstract class MmioWindow implements Transport, RegisterRange {
  abstract readonly interfaces: InterfaceKind;
  /** There is no register that would tell the driver such data. */
  readonly undefinedFeatures = featureSet('VIRTIO_F_NOTIF_CONFIG_DATA');
  /** There is no switch in the way: the device reaches memory at all times. */
  readonly mayAccessMemory = true;
  protected readonly device: VirtioDevice;
  protected deviceWindow = 0;
  protected driverWindow = 0;
  readonly #behaviours: Behaviours;
  readonly #config: RegisterRange;
  readonly #version: number;
  readonly #byOffset: ReadonlyMap<number, { readonly name: MmioName; readonly register: MmioRegister }>;
  #selected = 0;
  #interrupts = 0;

  /** `registers` is the table of the layout, `config` the device configuration, addressed from 0. */
  protected constructor(
    device: VirtioDevice,
    version: number,
    registers: Readonly<Record<string, MmioRegister>>,
    config: RegisterRange,
  ) {
    this.device = device;
    this.#version = version;
    this.#behaviours = device.behaviours;
    this.#config = config;
    this.#byOffset = new Map(
      Object.entries(registers).map(([name, register]) => [
        register.offset,
        { name: name as MmioName, register },
      ]),
    );
    device.connect(this);
  }

  /** Reads a register of one layout alone. */
  protected abstract readRegister(name: MmioName): number;
  /** Writes a register of one layout alone. */
  protected abstract writeRegister(name: MmioName, value: number): void;

  /** The queue that QueueSel chose, if it exists. */
  protected get queue(): Virtqueue | undefined {
    return this.device.queues[this.#selected];
  }

  /** Whether the interrupt is asserted: as long as an event is not acknowledged. */
  get line(): boolean {
    return this.#behaviours.line(this.#interrupts !== 0);
  }

  notifyUsed(_queue: Virtqueue): void {
    this.#interrupts |= MmioInterrupt.USED_BUFFER;
  }

  notifyConfig(): void {
    this.#interrupts |= MmioInterrupt.CONFIGURATION;
  }

  /** The selectors go back to 0 as well: a driver that relied on old ones would be wrong on other devices. */
  reset(resets: (part: ResetPart) => boolean): void {
    this.deviceWindow = 0;
    this.driverWindow = 0;
    this.#selected = 0;
    if (resets('interrupts')) this.#interrupts = 0;
  }

  /** Control registers answer only aligned accesses of their width; anything else reads 0 and writes nothing. */
  read(offset: number, width: AccessWidth): number {
    if (offset >= MMIO_CONFIG_OFFSET) return this.#config.read(offset - MMIO_CONFIG_OFFSET, width);
    const found = this.#find(offset, width);
    if (found === undefined) return 0;
    const value = found.register.access === 'W' ? 0 : this.#read(found.name);
    return this.#behaviours.mmioRegister(found.name, value);
  }

  write(offset: number, width: AccessWidth, value: number): void {
    if (offset >= MMIO_CONFIG_OFFSET) {
      this.#config.write(offset - MMIO_CONFIG_OFFSET, width, value);
      return;
    }
    const found = this.#find(offset, width);
    if (found === undefined) return;
    const taken = this.#behaviours.mmioWrite(found.name, value);
    if (taken !== undefined && found.register.access !== 'R') this.#write(found.name, taken);
  }

  #find(offset: number, width: AccessWidth) {
    const aligned = offset - (offset % REGISTER_WIDTH);
    const found = this.#byOffset.get(aligned);
    const whole = width === REGISTER_WIDTH && offset === aligned;
    return this.#behaviours.mmioAccess(whole, width, found !== undefined) ? found : undefined;
  }

  #read(name: MmioName): number {
    switch (name) {
      case 'MagicValue':
        return MMIO_MAGIC;
      case 'Version':
        return this.#version;
      case 'DeviceID':
        return VIRTIO_ID_SCSI;
      case 'VendorID':
        return VIRTIO_PCI_VENDOR;
      case 'QueueSizeMax':
        return this.queue?.maxSize ?? 0;
      case 'InterruptStatus':
        return this.#interrupts;
      case 'Status':
        return this.device.status;
      default:
        return this.readRegister(name);
    }
  }

  #write(name: MmioName, value: number): void {
    switch (name) {
      case 'DeviceFeaturesSel':
        this.deviceWindow = value;
        return;
      case 'DriverFeaturesSel':
        this.driverWindow = value;
        return;
      case 'QueueSel':
        this.#selected = value;
        return;
      case 'QueueSize':
        // A queue in use is not reconfigured ("Driver Requirements: MMIO Device Register Layout").
        if (!this.queue?.enabled)
          this.queue?.resize(value, hasFeature(this.device.negotiated, 'VIRTIO_F_RING_PACKED'));
        return;
      case 'QueueNotify': {
        const named = this.device.notification(value);
        if (named) this.device.kick(named.queue, named.position);
        return;
      }
      case 'InterruptACK':
        this.#interrupts &= ~value;
        return;
      case 'Status':
        this.device.writeStatus(value);
        return;
      default:
        this.writeRegister(name, value);
    }
  }
}
