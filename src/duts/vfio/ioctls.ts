/** What the kernel's VFIO is told by ioctls: numbers and structures of linux/vfio.h, on little-endian machines. */

import {
  VfioDmaFlag,
  VfioIrqSetFlag,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
} from '../../wire/vfio.js';

/** _IO of linux/ioctl.h: the structures say how long they are. */
const ioctl = (number: number): number => 0x3b * 2 ** 8 + 100 + number;

export const VFIO_GET_API_VERSION = ioctl(0);
export const VFIO_CHECK_EXTENSION = ioctl(1);
export const VFIO_SET_IOMMU = ioctl(2);
export const VFIO_GROUP_GET_STATUS = ioctl(3);
export const VFIO_GROUP_SET_CONTAINER = ioctl(4);
export const VFIO_GROUP_GET_DEVICE_FD = ioctl(6);
export const VFIO_DEVICE_GET_INFO = ioctl(7);
export const VFIO_DEVICE_GET_REGION_INFO = ioctl(8);
export const VFIO_DEVICE_GET_IRQ_INFO = ioctl(9);
export const VFIO_DEVICE_SET_IRQS = ioctl(10);
export const VFIO_DEVICE_RESET = ioctl(11);
export const VFIO_IOMMU_GET_INFO = ioctl(12);
export const VFIO_IOMMU_MAP_DMA = ioctl(13);
export const VFIO_IOMMU_UNMAP_DMA = ioctl(14);

/** The interface that this is written for. */
export const VFIO_API_VERSION = 0;
/** Kind of IOMMU: mappings by address, unmapped as they were mapped. */
export const VFIO_TYPE1v2_IOMMU = 3;

export const VFIO_GROUP_FLAGS_VIABLE = 1;
const VFIO_IOMMU_INFO_CAPS = 2;
const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;

const GROUP_STATUS = 8;
const TYPE1_INFO = 24;
const DMA_MAP = 32;
const DMA_UNMAP = 24;
/** Every structure says first how long it is. */
const FLAGS = 4;

/** A structure of so many bytes that says so. */
function sized(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(length, 0);
  return bytes;
}

/** struct vfio_group_status, to be filled in. */
export const groupStatus = (): Buffer => sized(GROUP_STATUS);
/** struct vfio_device_info without what was added later, to be filled in. */
export const deviceInfo = (): Buffer => sized(vfioDeviceInfo.size);

/** The flags of any structure that was filled in. */
export const flagsOf = (answer: Buffer): number => answer.readUInt32LE(FLAGS);

/** struct vfio_region_info that asks for a region, to be filled in. */
export function regionInfo(index: number): Buffer {
  const bytes = sized(vfioRegionInfo.size);
  vfioRegionInfo.write(bytes, { index });
  return bytes;
}

/** A region of the device, as a piece of the device's file. */
export interface DeviceRegion {
  /** Bytes; 0 for a region that there is not. */
  readonly size: number;
  readonly offset: number;
}

/** What a struct vfio_region_info tells that was filled in. */
export function regionOf(answer: Buffer): DeviceRegion {
  const { size, offset } = vfioRegionInfo.read(answer);
  return { size: Number(size), offset: Number(offset) };
}

/** struct vfio_irq_info that asks for a kind of interrupts, to be filled in. */
export function irqInfo(index: number): Buffer {
  const bytes = sized(vfioIrqInfo.size);
  vfioIrqInfo.write(bytes, { index });
  return bytes;
}

/** How many interrupts a struct vfio_irq_info tells of that was filled in. */
export const irqCount = (answer: Buffer): number => vfioIrqInfo.read(answer).count;

/** struct vfio_irq_set that has interrupts of a kind, from the first on, signalled to these; none ends that. */
export function irqSet(index: number, events: readonly number[]): Buffer {
  const bytes = sized(vfioIrqSet.size + 4 * events.length);
  const data = events.length > 0 ? VfioIrqSetFlag.DATA_EVENTFD : VfioIrqSetFlag.DATA_NONE;
  vfioIrqSet.write(bytes, { flags: data | VfioIrqSetFlag.ACTION_TRIGGER, index, count: events.length });
  for (const [i, fd] of events.entries()) bytes.writeInt32LE(fd, vfioIrqSet.size + 4 * i);
  return bytes;
}

/** struct vfio_iommu_type1_info with so much room for capabilities, to be filled in. */
export const iommuInfo = (length = TYPE1_INFO): Buffer => sized(length);

/** How long a struct vfio_iommu_type1_info has to be. */
export const iommuInfoLength = (answer: Buffer): number => answer.readUInt32LE(0);

/** Addresses that a device can use. */
export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * The ranges of a struct vfio_iommu_type1_info that was filled in; undefined where it does not tell them. Throws
 * RangeError where its list of capabilities leads out of it.
 */
export function iovaRanges(answer: Buffer): readonly IovaRange[] | undefined {
  if ((flagsOf(answer) & VFIO_IOMMU_INFO_CAPS) === 0) return undefined;
  for (let at = answer.readUInt32LE(16), last = 0; at > last; ) {
    if (answer.readUInt16LE(at) === VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
      const base = at + 16;
      return Array.from({ length: answer.readUInt32LE(at + 8) }, (_, i) => ({
        first: answer.readBigUInt64LE(base + 16 * i),
        last: answer.readBigUInt64LE(base + 16 * i + 8),
      }));
    }
    last = at;
    at = answer.readUInt32LE(at + 4);
  }
  return undefined;
}

/** Memory of this process for the device. */
export interface DmaMapping {
  readonly iova: bigint;
  /** Bytes; a multiple of the page size, as both addresses are. */
  readonly size: bigint;
  readonly userAddress: bigint;
}

/** struct vfio_iommu_type1_dma_map, for reading and writing. */
export function dmaMap({ iova, size, userAddress }: DmaMapping): Buffer {
  const bytes = sized(DMA_MAP);
  bytes.writeUInt32LE(VfioDmaFlag.READ | VfioDmaFlag.WRITE, FLAGS);
  bytes.writeBigUInt64LE(userAddress, 8);
  bytes.writeBigUInt64LE(iova, 16);
  bytes.writeBigUInt64LE(size, 24);
  return bytes;
}

/** struct vfio_iommu_type1_dma_unmap. */
export function dmaUnmap({ iova, size }: Pick<DmaMapping, 'iova' | 'size'>): Buffer {
  const bytes = sized(DMA_UNMAP);
  bytes.writeBigUInt64LE(iova, 8);
  bytes.writeBigUInt64LE(size, 16);
  return bytes;
}
