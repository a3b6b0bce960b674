/** What the kernel's vhost-scsi is told by ioctls: numbers and structures of linux/vhost.h, on little-endian machines. */
import type { SharedRegion } from '../shared-memory.js';

/** _IOC of linux/ioctl.h, as most architectures have it. */
function ioctl(direction: 'none' | 'to' | 'from' | 'both', number: number, size: number): number {
  const bits = { none: 0, to: 1, from: 2, both: 3 }[direction];
  return bits * 2 ** 30 + size * 2 ** 16 + 0xaf * 2 ** 8 + number;
}

const U64 = 8;
const VRING_STATE = 8;
const VRING_ADDR = 40;
const MEMORY_HEADER = 8;
const MEMORY_REGION = 32;
const SCSI_TARGET = 232;

export const VHOST_GET_FEATURES = ioctl('from', 0x00, U64);
export const VHOST_SET_FEATURES = ioctl('to', 0x00, U64);
export const VHOST_SET_OWNER = ioctl('none', 0x01, 0);
export const VHOST_SET_MEM_TABLE = ioctl('to', 0x03, MEMORY_HEADER);
export const VHOST_SET_VRING_NUM = ioctl('to', 0x10, VRING_STATE);
export const VHOST_SET_VRING_ADDR = ioctl('to', 0x11, VRING_ADDR);
export const VHOST_SET_VRING_BASE = ioctl('to', 0x12, VRING_STATE);
export const VHOST_GET_VRING_BASE = ioctl('both', 0x12, VRING_STATE);
export const VHOST_SET_VRING_KICK = ioctl('to', 0x20, VRING_STATE);
export const VHOST_SET_VRING_CALL = ioctl('to', 0x21, VRING_STATE);
export const VHOST_SET_VRING_ERR = ioctl('to', 0x22, VRING_STATE);
export const VHOST_SCSI_SET_ENDPOINT = ioctl('to', 0x40, SCSI_TARGET);
export const VHOST_SCSI_CLEAR_ENDPOINT = ioctl('to', 0x41, SCSI_TARGET);

/** Instead of a descriptor: none. */
export const NO_FILE = -1;

/** A word of 64 bits. */
export function u64(value = 0n): Buffer {
  const bytes = Buffer.alloc(U64);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** struct vhost_vring_state, and struct vhost_vring_file with a descriptor for the number. */
export function vringState(queue: number, number = 0): Buffer {
  const bytes = Buffer.alloc(VRING_STATE);
  bytes.writeUInt32LE(queue, 0);
  bytes.writeInt32LE(number, 4);
  return bytes;
}

/** Where a ring lies in this process. */
export interface RingPlace {
  readonly desc: bigint;
  readonly used: bigint;
  readonly avail: bigint;
}

/** struct vhost_vring_addr, without a log. */
export function vringAddress(queue: number, { desc, used, avail }: RingPlace): Buffer {
  const bytes = Buffer.alloc(VRING_ADDR);
  bytes.writeUInt32LE(queue, 0);
  bytes.writeBigUInt64LE(desc, 8);
  bytes.writeBigUInt64LE(used, 16);
  bytes.writeBigUInt64LE(avail, 24);
  return bytes;
}

/** struct vhost_memory. */
export function memoryTable(regions: readonly SharedRegion[]): Buffer {
  const bytes = Buffer.alloc(MEMORY_HEADER + regions.length * MEMORY_REGION);
  bytes.writeUInt32LE(regions.length, 0);
  for (const [i, { iova, size, userAddress }] of regions.entries()) {
    const at = MEMORY_HEADER + i * MEMORY_REGION;
    bytes.writeBigUInt64LE(iova, at);
    bytes.writeBigUInt64LE(size, at + 8);
    bytes.writeBigUInt64LE(userAddress, at + 16);
  }
  return bytes;
}

/** struct vhost_scsi_target: all the targets whose port has this name. */
export function scsiTarget(wwpn: string): Buffer {
  const bytes = Buffer.alloc(SCSI_TARGET);
  bytes.write(wwpn, 4, 'latin1');
  return bytes;
}
