/** Virtio-mmio version 2 ("MMIO Device Register Layout"). */
import { hasFeature } from '../../wire/virtio.js';
import { MmioVersion, mmioRegisters } from '../../wire/virtio-mmio.js';
import type { RegisterRange } from '../register-window.js';
import type { VirtioDevice } from '../virtio/device.js';
import { featureWindow } from '../virtio/feature-windows.js';
import type { Virtqueue } from '../virtio/queue.js';
import { type MmioName, MmioWindow } from './mmio-window.js';

const ALL_ONES = 0xffff_ffff;
const LOW = 0xffff_ffffn;

export class VirtioMmio extends MmioWindow {
  readonly interfaces = 'non-transitional';

  /** `config` is the device configuration, addressed from 0. */
  constructor(device: VirtioDevice, config: RegisterRange) {
    super(device, MmioVersion.MODERN, mmioRegisters, config);
  }

  protected readRegister(name: MmioName): number {
    switch (name) {
      case 'DeviceFeatures':
        return featureWindow(this.device.offered, this.deviceWindow);
      case 'QueueReady':
        return this.queue?.enabled ? 1 : 0;
      case 'ConfigGeneration':
        return this.device.generation;
      // There are no shared memory regions: length -1 and address of all ones, whatever SHMSel says.
      case 'SHMLenLow':
      case 'SHMLenHigh':
      case 'SHMBaseLow':
      case 'SHMBaseHigh':
        return ALL_ONES;
      // A queue reset is over before the write that asks for it returns, so QueueReset never reads 1.
      default:
        return 0;
    }
  }

  protected writeRegister(name: MmioName, value: number): void {
    if (name === 'DriverFeatures') this.device.writeDriverFeatures(this.driverWindow, value);
    if (this.queue) this.#writeQueue(this.queue, name, value);
  }

  #writeQueue(queue: Virtqueue, name: MmioName, value: number): void {
    if (name === 'QueueReset' && value === 1 && hasFeature(this.device.negotiated, 'VIRTIO_F_RING_RESET'))
      this.device.resetQueue(queue);
    if (name === 'QueueReady' && value === 0 && queue.enabled) this.device.stopQueue(queue);
    // A queue in use is not reconfigured ("Driver Requirements: MMIO Device Register Layout").
    if (queue.enabled) return;
    if (name === 'QueueReady' && value === 1) queue.enabled = true;
    if (name === 'QueueDescLow') queue.descriptors = low(queue.descriptors, value);
    if (name === 'QueueDescHigh') queue.descriptors = high(queue.descriptors, value);
    if (name === 'QueueDriverLow') queue.driver = low(queue.driver, value);
    if (name === 'QueueDriverHigh') queue.driver = high(queue.driver, value);
    if (name === 'QueueDeviceLow') queue.device = low(queue.device, value);
    if (name === 'QueueDeviceHigh') queue.device = high(queue.device, value);
  }
}

/** An address with its lower half replaced. */
const low = (address: bigint, half: number): bigint => (address & ~LOW) | BigInt(half);
/** An address with its upper half replaced. */
const high = (address: bigint, half: number): bigint => (BigInt(half) << 32n) | (address & LOW);
