/** Virtio over PCI, legacy interface (virtio 1.4, "Legacy Interfaces: A Note on PCI Device Layout"; linux/virtio_pci.h). */
import { struct, u8, v16, v32 } from './layout.js';

/** The registers at the start of BAR 0, an I/O region. Little-endian, unlike the device configuration that follows. */
export const legacyHeader = struct('legacy virtio header', {
  /** Bits 0 to 31; there is no way to the others. */
  device_features: v32,
  driver_features: v32,
  /** Page number of the selected queue, in units of `LEGACY_PAGE_SIZE`; 0 is no queue. */
  queue_address: v32,
  queue_size: v16,
  queue_select: v16,
  queue_notify: v16,
  device_status: u8,
  isr_status: u8,
});

/** What follows the header while MSI-X is enabled. */
export const legacyMsixHeader = struct('legacy MSI-X header', {
  config_msix_vector: v16,
  queue_msix_vector: v16,
});

/** Where the device configuration begins: it moves when MSI-X is switched on or off. */
export function legacyConfigOffset(msixEnabled: boolean): number {
  return legacyHeader.size + (msixEnabled ? legacyMsixHeader.size : 0);
}

/** Unit of queue_address, and alignment of the used ring, in bytes. */
export const LEGACY_PAGE_SIZE = 4096;
