/** Virtio-mmio version 1 ("Virtio Over MMIO / Legacy interface"): queues in pages of the guest. */
import { MmioVersion, mmioLegacyRegisters } from '../../wire/virtio-mmio.js';
import { LEGACY_PAGE_SIZE } from '../../wire/virtio-pci-legacy.js';
import type { ResetPart } from '../behaviours.js';
import type { RegisterRange } from '../register-window.js';
import type { VirtioDevice } from '../virtio/device.js';
import { featureWindow } from '../virtio/feature-windows.js';
import { type MmioName, MmioWindow } from './mmio-window.js';

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

export class VirtioMmioLegacy extends MmioWindow {
  readonly interfaces = 'legacy';
  /** Bytes of a page, the unit of QueuePFN. */
  #pageSize = LEGACY_PAGE_SIZE;

  /** `config` is the device configuration, addressed from 0. */
  constructor(device: VirtioDevice, config: RegisterRange) {
    super(device, MmioVersion.LEGACY, mmioLegacyRegisters, config);
  }

  override reset(resets: (part: ResetPart) => boolean): void {
    super.reset(resets);
    this.#pageSize = LEGACY_PAGE_SIZE;
  }

  protected readRegister(name: MmioName): number {
    if (name === 'DeviceFeatures') return featureWindow(this.device.legacyOffered, this.deviceWindow);
    if (name === 'QueuePFN') return this.queue?.page ?? 0;
    return 0;
  }

  protected writeRegister(name: MmioName, value: number): void {
    const { queue } = this;
    if (name === 'DriverFeatures' && this.driverWindow === 0) this.device.writeLegacyFeatures(value);
    if (name === 'GuestPageSize' && isPowerOfTwo(value)) this.#pageSize = value;
    if (queue && name === 'QueueAlign' && isPowerOfTwo(value) && !queue.enabled) queue.align = value;
    if (queue && name === 'QueuePFN')
      this.device.placeQueue(queue, { page: value, pageSize: this.#pageSize, align: queue.align });
  }
}
