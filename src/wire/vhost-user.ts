/** The vhost-user protocol: messages between a front-end and a back-end over a stream socket ("Vhost-user Protocol"). */
import { struct, v16, v32, v64 } from './layout.js';

/** What the front-end asks for. */
export const VhostUserRequest = {
  GET_FEATURES: 1,
  SET_FEATURES: 2,
  SET_OWNER: 3,
  RESET_OWNER: 4,
  SET_MEM_TABLE: 5,
  SET_LOG_BASE: 6,
  SET_LOG_FD: 7,
  SET_VRING_NUM: 8,
  SET_VRING_ADDR: 9,
  SET_VRING_BASE: 10,
  GET_VRING_BASE: 11,
  SET_VRING_KICK: 12,
  SET_VRING_CALL: 13,
  SET_VRING_ERR: 14,
  GET_PROTOCOL_FEATURES: 15,
  SET_PROTOCOL_FEATURES: 16,
  GET_QUEUE_NUM: 17,
  SET_VRING_ENABLE: 18,
  SET_BACKEND_REQ_FD: 21,
  GET_CONFIG: 24,
  SET_CONFIG: 25,
  GET_INFLIGHT_FD: 31,
  SET_INFLIGHT_FD: 32,
  RESET_DEVICE: 34,
  SET_STATUS: 39,
  GET_STATUS: 40,
} as const;
export type VhostUserRequestName = keyof typeof VhostUserRequest;

/** What the back-end asks for, on a channel of its own. */
export const VhostUserBackendRequest = {
  IOTLB_MSG: 1,
  CONFIG_CHANGE_MSG: 2,
  VRING_HOST_NOTIFIER_MSG: 3,
} as const;

/** The name of a request of the front-end, or its number. */
export function requestName(request: number): string {
  const found = Object.entries(VhostUserRequest).find(([, number]) => number === request);
  return found?.[0] ?? `request ${request}`;
}

/** Bits of `flags` in a message header. */
export const VhostUserFlag = { VERSION: 1, VERSION_MASK: 3, REPLY: 4, NEED_REPLY: 8 } as const;

/** Bits of the protocol features. */
export const VhostUserProtocolFeature = {
  MQ: 0,
  LOG_SHMFD: 1,
  REPLY_ACK: 3,
  BACKEND_REQ: 5,
  CONFIG: 9,
  BACKEND_SEND_FD: 10,
  INFLIGHT_SHMFD: 12,
  RESET_DEVICE: 13,
  INBAND_NOTIFICATIONS: 14,
  CONFIGURE_MEM_SLOTS: 15,
  STATUS: 16,
} as const;
export type VhostUserProtocolFeatureName = keyof typeof VhostUserProtocolFeature;

/** The set with just the named protocol features. */
export function protocolFeatureSet(...names: readonly VhostUserProtocolFeatureName[]): bigint {
  return names.reduce((set, name) => set | (1n << BigInt(VhostUserProtocolFeature[name])), 0n);
}

/** Bits of the device's feature word that are vhost's own: dirty page logging, and protocol features exist. */
export const VHOST_F_LOG_ALL = 1n << 26n;
export const VHOST_USER_F_PROTOCOL_FEATURES = 1n << 30n;

export const vhostUserHeader = struct('vhost-user header', { request: v32, flags: v32, size: v32 });
export const vhostUserU64 = struct('vhost-user u64', { value: v64 });
export const vhostVringState = struct('vhost_vring_state', { index: v32, num: v32 });
/** Addresses are those by which the front-end itself reaches the memory. */
export const vhostVringAddr = struct('vhost_vring_addr', {
  index: v32,
  flags: v32,
  desc: v64,
  used: v64,
  avail: v64,
  log: v64,
});
/** Begins a memory table; the regions follow. */
export const vhostUserMemory = struct('vhost-user memory', { count: v32, padding: v32 });
export const vhostUserMemoryRegion = struct('vhost-user memory region', {
  guest: v64,
  size: v64,
  user: v64,
  offset: v64,
});
/** Begins an access to the device configuration; the bytes follow, in both directions. */
export const vhostUserConfig = struct('vhost-user config', { offset: v32, size: v32, flags: v32 });
export const vhostUserInflight = struct('vhost-user inflight', {
  size: v64,
  offset: v64,
  queues: v16,
  queueSize: v16,
});

/** Most regions of a memory table, and so most descriptors of a message. */
export const VHOST_USER_MAX_REGIONS = 8;
/** Most bytes of the device configuration in one message. */
export const VHOST_USER_MAX_CONFIG = 256;
/** Of the number that goes with an event descriptor: the queue, and that there is no descriptor. */
export const VringEvent = { QUEUE_MASK: 0xffn, NO_FD: 0x100n } as const;
/** Queues that the protocol can name. */
export const VHOST_USER_MAX_QUEUES = 256;
