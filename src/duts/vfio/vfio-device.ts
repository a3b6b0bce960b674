/** A PCI function that the kernel's VFIO has handed to this process. */
import { join } from 'node:path';
import { LibcError, libc } from '../../sys/libc.js';
import { VfioDeviceFlag, VfioPciIrq, VfioPciRegion } from '../../wire/vfio.js';
import { DutSetupError } from '../dut.js';
import {
  type DeviceRegion,
  deviceInfo,
  flagsOf,
  groupStatus,
  type IovaRange,
  iommuInfo,
  iommuInfoLength,
  iovaRanges,
  irqCount,
  irqInfo,
  regionInfo,
  regionOf,
  VFIO_API_VERSION,
  VFIO_CHECK_EXTENSION,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_GET_API_VERSION,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_GROUP_GET_DEVICE_FD,
  VFIO_GROUP_GET_STATUS,
  VFIO_GROUP_SET_CONTAINER,
  VFIO_IOMMU_GET_INFO,
  VFIO_SET_IOMMU,
  VFIO_TYPE1v2_IOMMU,
} from './ioctls.js';

/** Where the kernel offers VFIO. */
export const VFIO_FOLDER = '/dev/vfio';
/** The file of a container: what its groups have in common, the mappings of memory. */
export const VFIO_CONTAINER = join(VFIO_FOLDER, 'vfio');

const BARS = 6;

/** A function that was opened, in numbers that cross threads. */
export interface OpenedFunction {
  /** Descriptors; the device's is that of its registers as well. */
  readonly container: number;
  readonly group: number;
  readonly device: number;
  /** The kernel knows how to reset it. */
  readonly resets: boolean;
  readonly config: DeviceRegion;
  /** BAR 0-5. */
  readonly bars: readonly DeviceRegion[];
  /** MSI-X vectors. */
  readonly vectors: number;
  /** It has an interrupt pin. */
  readonly pin: boolean;
  /** Addresses that the IOMMU can map; undefined where the kernel does not tell. */
  readonly iovaRanges: readonly IovaRange[] | undefined;
}

/**
 * Opens a function that is bound to vfio-pci: the kernel resets it where it knows how, and keeps it from memory that was
 * not mapped. Throws `DutSetupError`.
 */
export function openFunction(address: string, group: string): OpenedFunction {
  const opened: number[] = [];
  const open = (path: string) => {
    const fd = libc().open(path);
    opened.push(fd);
    return fd;
  };
  try {
    const container = open(VFIO_CONTAINER);
    const version = libc().ioctl(container, VFIO_GET_API_VERSION);
    if (version !== VFIO_API_VERSION)
      throw new DutSetupError(
        `the kernel's VFIO has interface ${version}, the suite knows ${VFIO_API_VERSION}`,
      );
    if (libc().ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) !== 1)
      throw new DutSetupError("the kernel's VFIO cannot map memory by address", 'modprobe vfio_iommu_type1');
    const groupFd = open(join(VFIO_FOLDER, group));
    const status = groupStatus();
    libc().ioctl(groupFd, VFIO_GROUP_GET_STATUS, status);
    if ((flagsOf(status) & VFIO_GROUP_FLAGS_VIABLE) === 0)
      throw new DutSetupError(
        `IOMMU group ${group} has a function that another driver of the kernel has`,
        `bind all of /sys/kernel/iommu_groups/${group}/devices to vfio-pci, or to no driver`,
      );
    const word = Buffer.alloc(4);
    word.writeInt32LE(container);
    libc().ioctl(groupFd, VFIO_GROUP_SET_CONTAINER, word);
    libc().ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
    const device = libc().ioctl(groupFd, VFIO_GROUP_GET_DEVICE_FD, Buffer.from(`${address}\0`, 'latin1'));
    opened.push(device);
    const info = deviceInfo();
    libc().ioctl(device, VFIO_DEVICE_GET_INFO, info);
    if ((flagsOf(info) & VfioDeviceFlag.PCI) === 0) throw new DutSetupError(`${address} is no PCI function`);
    return {
      container,
      group: groupFd,
      device,
      resets: (flagsOf(info) & VfioDeviceFlag.RESET) !== 0,
      config: region(device, VfioPciRegion.CONFIG),
      bars: Array.from({ length: BARS }, (_, index) => region(device, index)),
      vectors: interrupts(device, VfioPciIrq.MSIX),
      pin: interrupts(device, VfioPciIrq.INTX) > 0,
      iovaRanges: ranges(container),
    };
  } catch (error) {
    for (const fd of opened.reverse()) libc().close(fd);
    throw error instanceof LibcError ? setupError(address, group, error) : error;
  }
}

/** Gives the function back to the kernel, which resets it again. */
export function closeFunction({ device, group, container }: OpenedFunction): void {
  for (const fd of [device, group, container]) libc().close(fd);
}

function region(device: number, index: number): DeviceRegion {
  const info = regionInfo(index);
  libc().ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info);
  return regionOf(info);
}

/** How many interrupts of a kind there are. */
function interrupts(device: number, kind: number): number {
  const info = irqInfo(kind);
  libc().ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, info);
  return irqCount(info);
}

function ranges(container: number): readonly IovaRange[] | undefined {
  const short = iommuInfo();
  libc().ioctl(container, VFIO_IOMMU_GET_INFO, short);
  const whole = iommuInfo(iommuInfoLength(short));
  libc().ioctl(container, VFIO_IOMMU_GET_INFO, whole);
  return iovaRanges(whole);
}

/** What the errors of the kernel mean here. */
function setupError(address: string, group: string, error: LibcError): DutSetupError {
  const because = { cause: error };
  switch (error.code) {
    case 'EBUSY':
      return new DutSetupError(
        `${address} is in use: another process has IOMMU group ${group} (${error.message})`,
        `end that process; fuser ${join(VFIO_FOLDER, group)} names it`,
        because,
      );
    case 'EPERM':
      return new DutSetupError(
        `the kernel does not let ${address} be handed out: ${error.message}`,
        'the IOMMU has to remap interrupts; dmesg says what it lacks, and vfio_iommu_type1.allow_unsafe_interrupts=1 does without, for devices that are trusted',
        because,
      );
    case 'EACCES':
      return new DutSetupError(
        `${VFIO_FOLDER} may not be opened: ${error.message}`,
        `become root, or chown ${join(VFIO_FOLDER, group)} to this user`,
        because,
      );
    default:
      return new DutSetupError(`${address} cannot be opened by VFIO: ${error.message}`, undefined, because);
  }
}
