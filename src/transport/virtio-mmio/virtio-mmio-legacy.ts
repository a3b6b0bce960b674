/** Virtio over MMIO, version 1 ("Virtio Over MMIO / Legacy interface"). */
import type { Port } from '../../port/port.js';
import { MmioVersion } from '../../wire/virtio-mmio.js';
import { LEGACY_PAGE_SIZE } from '../../wire/virtio-pci-legacy.js';
import type { QueueAddresses } from '../transport.js';
import { MmioTransport } from './mmio-transport.js';

/** The legacy MMIO transport. The guest's pages and the alignment of the used ring are those of legacy PCI. */
export class VirtioMmioLegacy extends MmioTransport {
  readonly kind = 'mmio-legacy';
  readonly legacy = true;

  /** Opens the transport. Throws TransportError when the window is no SCSI host of version 1. */
  static open(port: Port): VirtioMmioLegacy {
    return new VirtioMmioLegacy(MmioTransport.windowOf(port), MmioVersion.LEGACY);
  }

  /** Features beyond 31 are out of a legacy driver's reach, whatever the selector may show. */
  deviceFeatures(): bigint {
    this.write('DeviceFeaturesSel', 0);
    return BigInt(this.read('DeviceFeatures'));
  }

  writeDriverFeatures(features: bigint): void {
    this.write('DriverFeaturesSel', 0);
    this.write('DriverFeatures', Number(features & 0xffffffffn));
  }

  enableQueue(queue: number, { size, desc }: QueueAddresses): void {
    // A reset may have taken the page size with it.
    this.write('GuestPageSize', LEGACY_PAGE_SIZE);
    this.write('QueueSel', queue);
    this.write('QueueSize', size);
    this.write('QueueAlign', LEGACY_PAGE_SIZE);
    this.write('QueuePFN', Number(desc / BigInt(LEGACY_PAGE_SIZE)));
  }
}
