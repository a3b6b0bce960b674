/** What a model is made of. All of it can be structured-cloned. */
import type { ByteOrder } from '../wire/layout.js';
import type { FeatureName } from '../wire/virtio.js';
import { MEDIA_BLOCKS } from './units/tray.js';

/** A logical unit of the model. */
export interface UnitConfig {
  readonly target: number;
  readonly unit: number;
  readonly kind: 'disk' | 'cdrom';
  readonly serial: string;
  /** Bytes of one block: 2048 of a CD-ROM. */
  readonly blockSize: number;
  /** Of a CD-ROM: those of the medium that is in the drive, 0 for none. */
  readonly blocks: bigint;
  /** Thin provisioned: UNMAP is served, and unmapped blocks read as zeros. */
  readonly thin: boolean;
  /** Type of protection information with which it is formatted, and which is moved with VIRTIO_SCSI_F_T10_PI; 0 for none. */
  readonly protection?: 0 | 1 | 2 | 3;
  /** The medium of a disk cannot be written. */
  readonly readOnly?: boolean;
  /** The medium of a disk can be taken out. */
  readonly removable?: boolean;
  /** Milliseconds of virtual time that each command takes; 0 is at once. */
  readonly delay: number;
}

/**
 * How the model is attached; a transitional function has the legacy interface as well, and `vhost` is what a virtual
 * machine monitor leaves to a back-end.
 */
export type ModelBus = 'pci' | 'pci-transitional' | 'mmio' | 'mmio-legacy' | 'vhost';

export interface ModelConfig {
  readonly bus: ModelBus;
  /** Byte order of the guest, which a legacy driver and the device use for what they share. */
  readonly guestByteOrder: ByteOrder;
  /** Request queues, without control and event queue. */
  readonly requestQueues: number;
  /** Maximum size of each queue, a power of two. */
  readonly queueSize: number;
  /** MSI-X vectors of a PCI function. */
  readonly vectors: number;
  /** notify_off_multiplier: 0, or a power of two from 2 up. */
  readonly notifyMultiplier: number;
  readonly features: readonly FeatureName[];
  /** Sizes in bytes of the memory regions, alternately below and above 4 GiB. */
  readonly regions: readonly number[];
  readonly units: readonly UnitConfig[];
}

const MIB = 2 ** 20;
const CAPACITY = 64 * MIB;

/** A thin disk of 64 MiB with blocks of 512 bytes, unless told otherwise. */
export function diskConfig(
  target: number,
  unit: number,
  serial: string,
  options: Partial<
    Pick<UnitConfig, 'blockSize' | 'blocks' | 'thin' | 'protection' | 'readOnly' | 'removable' | 'delay'>
  > = {},
): UnitConfig {
  const blockSize = options.blockSize ?? 512;
  const blocks = options.blocks ?? BigInt(Math.floor(CAPACITY / blockSize));
  return {
    target,
    unit,
    kind: 'disk',
    serial,
    blockSize,
    blocks,
    thin: options.thin ?? true,
    protection: options.protection ?? 0,
    readOnly: options.readOnly ?? false,
    removable: options.removable ?? false,
    delay: options.delay ?? 0,
  };
}

/** Bytes of one block of a CD-ROM. */
export const CD_BLOCK_SIZE = 2048;

/** A CD-ROM drive with a medium of 2 MiB in it. */
export function cdromConfig(
  target: number,
  unit: number,
  serial: string,
  blocks: bigint = MEDIA_BLOCKS.cdrom.usual,
): UnitConfig {
  return { target, unit, kind: 'cdrom', serial, blockSize: CD_BLOCK_SIZE, blocks, thin: false, delay: 0 };
}

/**
 * Two disks at target 0, the first of them thin and for scratch, the second fully provisioned, a CD-ROM drive at target
 * 1, and at target 2 disks for scratch: with protection information of types 1 to 3, a read-only one, and a removable one;
 * two request queues.
 */
export const DEFAULT_MODEL_CONFIG: ModelConfig = {
  bus: 'pci',
  guestByteOrder: 'little',
  requestQueues: 2,
  queueSize: 256,
  vectors: 8,
  notifyMultiplier: 4,
  features: [
    'VIRTIO_F_VERSION_1',
    'VIRTIO_F_INDIRECT_DESC',
    'VIRTIO_F_EVENT_IDX',
    'VIRTIO_F_RING_RESET',
    'VIRTIO_F_RING_PACKED',
    'VIRTIO_F_IN_ORDER',
    'VIRTIO_F_NOTIFICATION_DATA',
    'VIRTIO_F_NOTIF_CONFIG_DATA',
    // The addresses are the model's own, and it reaches only its regions.
    'VIRTIO_F_ACCESS_PLATFORM',
    // Everything happens in one thread, in the order of the program.
    'VIRTIO_F_ORDER_PLATFORM',
    'VIRTIO_F_SUSPEND',
    // Disks serve XDWRITEREAD.
    'VIRTIO_SCSI_F_INOUT',
    'VIRTIO_SCSI_F_HOTPLUG',
    'VIRTIO_SCSI_F_CHANGE',
    'VIRTIO_SCSI_F_T10_PI',
  ],
  regions: [16 * MIB, 16 * MIB],
  units: [
    diskConfig(0, 0, 'VSCSI-SCRATCH-0'),
    diskConfig(0, 1, 'VSCSI-DISK-1', { thin: false }),
    cdromConfig(1, 0, 'VSCSI-CDROM-0'),
    diskConfig(2, 0, 'VSCSI-SCRATCH-PI', { thin: false, protection: 1 }),
    diskConfig(2, 1, 'VSCSI-SCRATCH-RO', { readOnly: true }),
    diskConfig(2, 2, 'VSCSI-SCRATCH-PI-2', { thin: false, protection: 2 }),
    diskConfig(2, 3, 'VSCSI-SCRATCH-PI-3', { thin: false, protection: 3 }),
    diskConfig(2, 4, 'VSCSI-SCRATCH-RM', { blocks: MEDIA_BLOCKS.disk.usual, removable: true }),
  ],
};
