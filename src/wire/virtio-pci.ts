/** Virtio over PCI, modern interface (virtio 1.4, "Virtio Over PCI Bus"; linux/virtio_pci.h). */
import { bytes, struct, u8, v16, v32, v64 } from './layout.js';

export const VIRTIO_PCI_VENDOR = 0x1af4;
/** Modern device ids are 0x1040 plus the virtio device id; the transitional SCSI host is 0x1004. */
export const VIRTIO_PCI_DEVICE_SCSI = 0x1048;
export const VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL = 0x1004;

/** struct virtio_pci_cap, "Virtio Structure PCI Capabilities". */
export const virtioPciCap = struct('virtio_pci_cap', {
  cap_vndr: u8,
  cap_next: u8,
  cap_len: u8,
  cfg_type: u8,
  bar: u8,
  id: u8,
  padding: bytes(2),
  offset: v32,
  length: v32,
});
/** struct virtio_pci_notify_cap: the capability followed by the multiplier. */
export const virtioPciNotifyCap = struct('virtio_pci_notify_cap', {
  cap: bytes(virtioPciCap.size),
  notify_off_multiplier: v32,
});

/** struct virtio_pci_vndr_data, here with the two bytes that make it a multiple of four. */
export const virtioPciVndrData = struct('virtio_pci_vndr_data', {
  cap_vndr: u8,
  cap_next: u8,
  cap_len: u8,
  cfg_type: u8,
  vendor_id: v16,
  data: v16,
});

/** Values of cfg_type. */
export const VirtioPciCapType = {
  COMMON_CFG: 1,
  NOTIFY_CFG: 2,
  ISR_CFG: 3,
  DEVICE_CFG: 4,
  PCI_CFG: 5,
  SHARED_MEMORY_CFG: 8,
  VENDOR_CFG: 9,
} as const;

/** struct virtio_pci_common_cfg, "Common configuration structure layout". */
export const virtioPciCommonCfg = struct('virtio_pci_common_cfg', {
  device_feature_select: v32,
  device_feature: v32,
  driver_feature_select: v32,
  driver_feature: v32,
  config_msix_vector: v16,
  num_queues: v16,
  device_status: u8,
  config_generation: u8,
  queue_select: v16,
  queue_size: v16,
  queue_msix_vector: v16,
  queue_enable: v16,
  queue_notify_off: v16,
  queue_desc: v64,
  queue_driver: v64,
  queue_device: v64,
  queue_notif_config_data: v16,
  queue_reset: v16,
  admin_queue_index: v16,
  admin_queue_num: v16,
});

/** "No vector mapped", in config_msix_vector and queue_msix_vector. */
export const VIRTIO_MSI_NO_VECTOR = 0xffff;
/** Bits of the ISR status byte, cleared by reading it. */
export const VirtioIsr = { QUEUE: 1, CONFIG: 2 } as const;
