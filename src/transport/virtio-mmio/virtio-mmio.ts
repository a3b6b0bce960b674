/** Virtio over MMIO, version 2 ("MMIO Device Register Layout"). */
import type { Port } from '../../port/port.js';
import { MmioVersion } from '../../wire/virtio-mmio.js';
import type { QueueAddresses } from '../transport.js';
import { MmioTransport } from './mmio-transport.js';

/** The modern MMIO transport. */
export class VirtioMmio extends MmioTransport {
  readonly kind = 'mmio';
  readonly legacy = false;

  /** Opens the transport. Throws TransportError when the window is no SCSI host of version 2. */
  static open(port: Port): VirtioMmio {
    return new VirtioMmio(MmioTransport.windowOf(port), MmioVersion.MODERN);
  }

  deviceFeatures(): bigint {
    return this.#word(0) | (this.#word(1) << 32n);
  }

  #word(selector: number): bigint {
    this.write('DeviceFeaturesSel', selector);
    return BigInt(this.read('DeviceFeatures'));
  }

  writeDriverFeatures(features: bigint): void {
    for (const selector of [0, 1]) {
      this.write('DriverFeaturesSel', selector);
      this.write('DriverFeatures', low(features >> BigInt(32 * selector)));
    }
  }

  enableQueue(queue: number, { size, desc, driver, device }: QueueAddresses): void {
    this.write('QueueSel', queue);
    this.write('QueueSize', size);
    this.write('QueueDescLow', low(desc));
    this.write('QueueDescHigh', low(desc >> 32n));
    this.write('QueueDriverLow', low(driver));
    this.write('QueueDriverHigh', low(driver >> 32n));
    this.write('QueueDeviceLow', low(device));
    this.write('QueueDeviceHigh', low(device >> 32n));
    this.write('QueueReady', 1);
  }
}

function low(value: bigint): number {
  return Number(value & 0xffffffffn);
}
