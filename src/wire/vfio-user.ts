/**
 * The vfio-user protocol: messages between a client and the server that emulates a PCI function ("vfio-user Protocol
 * Specification", which takes structures over from linux/vfio.h). Numbers are in the host's order, which is
 * little-endian wherever the suite runs.
 */
import { struct, v16, v32, v64 } from './layout.js';

/** Commands of both ends. */
export const VfioUserCommand = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DMA_READ: 11,
  DMA_WRITE: 12,
  DEVICE_RESET: 13,
} as const;
export type VfioUserCommandName = keyof typeof VfioUserCommand;

/** Bits of a message's flags. */
export const VfioUserFlag = { TYPE_MASK: 0xf, COMMAND: 0, REPLY: 1, NO_REPLY: 0x10, ERROR: 0x20 } as const;

/** `size` is that of the whole message. */
export const vfioUserHeader = struct('vfio-user header', {
  id: v16,
  command: v16,
  size: v32,
  flags: v32,
  /** An errno, in a reply with the flag ERROR. */
  error: v32,
});

/** Capabilities as JSON follow, up to a NUL. */
export const vfioUserVersion = struct('vfio-user version', { major: v16, minor: v16 });
/** The version of the protocol that is spoken here. */
export const VFIO_USER_MAJOR = 0;
export const VFIO_USER_MINOR = 0;
/** What holds of a peer that says nothing else. */
export const VfioUserDefault = { MAX_MSG_FDS: 1, MAX_DATA_XFER_SIZE: 0x10_0000 } as const;

export const vfioUserDmaMap = struct('vfio-user DMA map', {
  argsz: v32,
  flags: v32,
  offset: v64,
  address: v64,
  size: v64,
});

/** An access to a region; the data follow, in a request that writes and in a reply to one that reads. */
export const vfioUserRegionAccess = struct('vfio-user region access', {
  offset: v64,
  region: v32,
  count: v32,
});
/** An access of the server's to memory; the data follow likewise. */
export const vfioUserDmaAccess = struct('vfio-user DMA access', { address: v64, count: v64 });
