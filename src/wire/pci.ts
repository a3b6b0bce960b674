/** The parts of PCI configuration space that a virtio function uses (PCI Local Bus 3.0; linux/pci_regs.h). */
import { bytes, struct, u8, v16, v32 } from './layout.js';

/** Type 0 configuration header. */
export const pciHeader = struct('PCI header', {
  vendor_id: v16,
  device_id: v16,
  command: v16,
  status: v16,
  revision_id: u8,
  class_interface: u8,
  class_sub: u8,
  class_base: u8,
  cache_line_size: u8,
  latency_timer: u8,
  header_type: u8,
  bist: u8,
  bar0: v32,
  bar1: v32,
  bar2: v32,
  bar3: v32,
  bar4: v32,
  bar5: v32,
  cardbus_cis: v32,
  subsystem_vendor_id: v16,
  subsystem_id: v16,
  expansion_rom: v32,
  capabilities: u8,
  reserved: bytes(7),
  interrupt_line: u8,
  interrupt_pin: u8,
  min_gnt: u8,
  max_lat: u8,
});

/** Bits of the command register. */
export const PciCommand = { IO: 1, MEMORY: 2, MASTER: 4, INTX_DISABLE: 0x400 } as const;
/** Bits of the status register. */
export const PciStatus = { INTERRUPT: 8, CAP_LIST: 0x10 } as const;
/** Bits of a base address register. */
export const PciBar = { IO: 1, MEMORY_64: 4 } as const;
/** Capability ids. */
export const PciCapability = { POWER_MANAGEMENT: 1, VENDOR: 9, EXPRESS: 0x10, MSIX: 0x11 } as const;

/** Capability ids of the list in the extended configuration space of PCI Express. */
export const PciExtendedCapability = { SR_IOV: 0x10 } as const;
/** Where the extended list begins; a header is the id in bits 0-15 and the offset of the next in bits 20-31. */
export const PCI_EXTENDED_CAPABILITIES = 0x100;

/** MSI-X capability. */
export const msixCapability = struct('MSI-X capability', {
  cap_vndr: u8,
  cap_next: u8,
  message_control: v16,
  /** Bits 0-2 the BAR, the rest the offset of the table. */
  table: v32,
  /** Bits 0-2 the BAR, the rest the offset of the pending bit array. */
  pba: v32,
});
/** Bits of MSI-X message control. */
export const MsixControl = { TABLE_SIZE: 0x7ff, FUNCTION_MASK: 0x4000, ENABLE: 0x8000 } as const;

/** One entry of the MSI-X table. */
export const msixEntry = struct('MSI-X table entry', {
  address_low: v32,
  address_high: v32,
  data: v32,
  control: v32,
});
/** Bits of an entry's vector control. */
export const MsixVectorControl = { MASKED: 1 } as const;
