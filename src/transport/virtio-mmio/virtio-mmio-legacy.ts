/** Virtio over MMIO, version 1 ("Virtio Over MMIO / Legacy interface"). */
import type { Port } from '../../port/port.js';
import { MmioVersion } from '../../wire/virtio-mmio.js';
import { LEGACY_PAGE_SIZE } from '../../wire/virtio-pci-legacy.js';
import type { QueueAddresses } from '../transport.js';
import { MmioTransport } from './mmio-transport.js';

/** The guest's pages and the alignment of the used ring are those of legacy PCI unless somebody chooses otherwise. */
const USUAL_LAYOUT = { page: LEGACY_PAGE_SIZE, align: LEGACY_PAGE_SIZE } as const;

/** The legacy MMIO transport. */
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

  enableQueue(queue: number, { size, desc, layout = USUAL_LAYOUT }: QueueAddresses): void {
    // A reset may have taken the page size with it.
    this.write('GuestPageSize', layout.page);
    this.write('QueueSel', queue);
    this.write('QueueSize', size);
    this.write('QueueAlign', layout.align);
    this.write('QueuePFN', Number(desc / BigInt(layout.page)));
  }
}
