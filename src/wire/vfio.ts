/**
 * What the kernel's VFIO and vfio-user have in common: structures and numbers of linux/vfio.h. Each structure begins
 * with its length in bytes. Numbers are in the host's order, which is little-endian wherever the suite runs.
 */
import { struct, v32, v64 } from './layout.js';

export const vfioDeviceInfo = struct('vfio_device_info', {
  argsz: v32,
  flags: v32,
  num_regions: v32,
  num_irqs: v32,
});
export const VfioDeviceFlag = { RESET: 1, PCI: 2 } as const;

export const vfioRegionInfo = struct('vfio_region_info', {
  argsz: v32,
  flags: v32,
  index: v32,
  cap_offset: v32,
  size: v64,
  offset: v64,
});
export const VfioRegionFlag = { READ: 1, WRITE: 2, MMAP: 4, CAPS: 8 } as const;
/** Regions of a PCI function: the first six are its BARs. */
export const VfioPciRegion = { BARS: 6, CONFIG: 7 } as const;

export const vfioIrqInfo = struct('vfio_irq_info', { argsz: v32, flags: v32, index: v32, count: v32 });
export const VfioIrqFlag = { EVENTFD: 1, MASKABLE: 2, AUTOMASKED: 4, NORESIZE: 8 } as const;
/** Kinds of interrupt of a PCI function. */
export const VfioPciIrq = { INTX: 0, MSI: 1, MSIX: 2 } as const;

/** Descriptors, or booleans behind it, say what is done for each interrupt from `start` on. */
export const vfioIrqSet = struct('vfio_irq_set', {
  argsz: v32,
  flags: v32,
  index: v32,
  start: v32,
  count: v32,
});
export const VfioIrqSetFlag = {
  DATA_NONE: 1,
  DATA_BOOL: 2,
  DATA_EVENTFD: 4,
  ACTION_MASK: 8,
  ACTION_UNMASK: 0x10,
  ACTION_TRIGGER: 0x20,
} as const;

/** What the device may do with memory that is mapped for it. */
export const VfioDmaFlag = { READ: 1, WRITE: 2 } as const;
