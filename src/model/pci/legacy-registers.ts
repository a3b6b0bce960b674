/** The registers of the legacy interface in BAR 0 ("Legacy Interfaces: A Note on PCI Device Layout"). */
import { VIRTIO_MSI_NO_VECTOR } from '../../wire/virtio-pci.js';
import {
  LEGACY_PAGE_SIZE,
  legacyConfigOffset,
  legacyHeader,
  legacyMsixHeader,
} from '../../wire/virtio-pci-legacy.js';
import { type AccessWidth, FieldRange, type FieldStore, type RegisterRange } from '../register-window.js';
import type { VirtioDevice } from '../virtio/device.js';

export type LegacyField = keyof typeof legacyHeader.fields | keyof typeof legacyMsixHeader.fields;

/** What the legacy registers ask of the PCI function around them. */
export interface LegacyHost {
  readonly msixEnabled: boolean;
  configVector: number;
  /** The vector itself, or NO_VECTOR if there is none of that number. */
  usableVector(value: number): number;
  /** The ISR byte, which reading clears. */
  takeIsr(): number;
}

/** The registers by name. */
class LegacyFields implements FieldStore<LegacyField> {
  readonly #device: VirtioDevice;
  readonly #host: LegacyHost;
  #selected = 0;

  constructor(device: VirtioDevice, host: LegacyHost) {
    this.#device = device;
    this.#host = host;
  }

  reset(): void {
    this.#selected = 0;
  }

  read(name: LegacyField): number {
    return this.#device.behaviours.legacyRegister(name, this.#read(name));
  }

  #read(name: LegacyField): number {
    const queue = this.#device.queues[this.#selected];
    switch (name) {
      case 'device_features':
        return Number(this.#device.legacyOffered);
      case 'driver_features':
        return this.#device.driverFeatures.read(0);
      case 'queue_address':
        return queue?.page ?? 0;
      case 'queue_size':
        return queue?.size ?? 0;
      case 'queue_select':
        return this.#selected;
      case 'queue_notify':
        return 0;
      case 'device_status':
        return this.#device.status;
      case 'isr_status':
        return this.#host.takeIsr();
      case 'config_msix_vector':
        return this.#host.configVector;
      case 'queue_msix_vector':
        return queue?.vector ?? VIRTIO_MSI_NO_VECTOR;
    }
  }

  write(name: LegacyField, written: number | bigint): void {
    const value = this.#device.behaviours.legacyWrite(name, Number(written));
    if (value === undefined) return;
    const queue = this.#device.queues[this.#selected];
    if (name === 'driver_features') this.#device.writeLegacyFeatures(value);
    if (name === 'queue_address' && queue)
      this.#device.placeQueue(queue, { page: value, pageSize: LEGACY_PAGE_SIZE, align: LEGACY_PAGE_SIZE });
    if (name === 'queue_select') this.#selected = value;
    if (name === 'queue_notify') this.#notify(value);
    if (name === 'device_status') this.#device.writeStatus(value);
    if (name === 'config_msix_vector') this.#host.configVector = this.#host.usableVector(value);
    if (name === 'queue_msix_vector' && queue) queue.vector = this.#host.usableVector(value);
  }

  #notify(index: number): void {
    const queue = this.#device.queues[index];
    if (queue) this.#device.kick(queue);
  }
}

/** The whole block, addressed from 0: the device configuration follows the header, and moves with MSI-X. */
export class LegacyRegisters implements RegisterRange {
  readonly #device: VirtioDevice;
  readonly #host: LegacyHost;
  readonly #fields: LegacyFields;
  readonly #header: RegisterRange;
  readonly #msix: RegisterRange;
  readonly #config: RegisterRange;

  /** `config` is the device configuration, addressed from 0, in the guest's byte order. */
  constructor(device: VirtioDevice, config: RegisterRange, host: LegacyHost) {
    this.#device = device;
    this.#host = host;
    this.#fields = new LegacyFields(device, host);
    this.#header = new FieldRange(legacyHeader, this.#fields);
    this.#msix = new FieldRange(legacyMsixHeader, this.#fields);
    this.#config = config;
  }

  reset(): void {
    this.#fields.reset();
  }

  read(offset: number, width: AccessWidth): number {
    const { range, from } = this.#find(offset);
    return range.read(offset - from, width);
  }

  write(offset: number, width: AccessWidth, value: number): void {
    const { range, from } = this.#find(offset);
    range.write(offset - from, width, value);
  }

  /** The part in which an access begins. */
  #find(offset: number): { readonly range: RegisterRange; readonly from: number } {
    if (offset < legacyHeader.size) return { range: this.#header, from: 0 };
    const { msixEnabled } = this.#host;
    const config = this.#device.behaviours.legacyConfigOffset(legacyConfigOffset(msixEnabled), msixEnabled);
    return offset < config
      ? { range: this.#msix, from: legacyHeader.size }
      : { range: this.#config, from: config };
  }
}
