/** The SCSI host device (virtio 1.4, "SCSI Host Device"; linux/virtio_scsi.h). */
import { bytes, struct, u8, v16, v32, v64 } from './layout.js';

/** struct virtio_scsi_config. */
export const virtioScsiConfig = struct('virtio_scsi_config', {
  num_queues: v32,
  seg_max: v32,
  max_sectors: v32,
  cmd_per_lun: v32,
  event_info_size: v32,
  sense_size: v32,
  cdb_size: v32,
  max_channel: v16,
  max_target: v16,
  max_lun: v32,
});

/** sense_size and cdb_size after reset, "Device configuration layout". */
export const DEFAULT_SENSE_SIZE = 96;
export const DEFAULT_CDB_SIZE = 32;

/** Virtqueue indexes. Request queue n (from 0) is `REQUEST + n`. */
export const QueueIndex = { CONTROL: 0, EVENT: 1, REQUEST: 2 } as const;

/** Fixed head of struct virtio_scsi_req_cmd's readable part; the CDB of cdb_size bytes follows, then data-out. */
export const virtioScsiReqHead = struct('virtio_scsi_req_cmd (readable head)', {
  lun: bytes(8),
  id: v64,
  task_attr: u8,
  prio: u8,
  crn: u8,
});
/** Fixed head of its writable part; sense of sense_size bytes follows, then data-in. */
export const virtioScsiRespHead = struct('virtio_scsi_req_cmd (writable head)', {
  sense_len: v32,
  residual: v32,
  status_qualifier: v16,
  status: u8,
  response: u8,
});

/** Bytes of protection information in a request; the fields exist with VIRTIO_SCSI_F_T10_PI only. */
export const virtioScsiReqPi = struct('virtio_scsi_req_cmd (protection sizes)', {
  pi_bytesout: v32,
  pi_bytesin: v32,
});
/**
 * Where these fields stand: behind the CDB as in the standard, or between head and CDB as in linux/virtio_scsi.h (ruling
 * A1). pi_out follows the header, pi_in the sense field, either way.
 */
export type PiHeader = 'literal' | 'linux';

/** Size of the readable part before pi_out and data-out, for a given cdb_size. */
export const requestHeaderSize = (cdbSize: number, piHeader?: PiHeader): number =>
  virtioScsiReqHead.size + cdbSize + (piHeader === undefined ? 0 : virtioScsiReqPi.size);
/** Where the CDB begins. */
export const cdbOffset = (piHeader?: PiHeader): number =>
  virtioScsiReqHead.size + (piHeader === 'linux' ? virtioScsiReqPi.size : 0);
/** Where the bytes of protection information are counted. */
export const piOffset = (cdbSize: number, piHeader: PiHeader): number =>
  virtioScsiReqHead.size + (piHeader === 'linux' ? 0 : cdbSize);
/** Size of the writable part before pi_in and data-in, for a given sense_size. */
export const responseHeaderSize = (senseSize: number): number => virtioScsiRespHead.size + senseSize;

/** Values of task_attr. */
export const TaskAttr = { SIMPLE: 0, ORDERED: 1, HEAD: 2, ACA: 3 } as const;

/** Values of `response` on the request queues. */
export const Response = {
  OK: 0,
  OVERRUN: 1,
  ABORTED: 2,
  BAD_TARGET: 3,
  RESET: 4,
  BUSY: 5,
  TRANSPORT_FAILURE: 6,
  TARGET_FAILURE: 7,
  NEXUS_FAILURE: 8,
  FAILURE: 9,
} as const;
export type ResponseName = keyof typeof Response;

/** Values of `response` on the control queue. */
export const ControlResponse = {
  FUNCTION_COMPLETE: 0,
  BAD_TARGET: 3,
  BUSY: 5,
  TRANSPORT_FAILURE: 6,
  TARGET_FAILURE: 7,
  NEXUS_FAILURE: 8,
  FAILURE: 9,
  FUNCTION_SUCCEEDED: 10,
  FUNCTION_REJECTED: 11,
  INCORRECT_LUN: 12,
} as const;

/** Types of control requests. */
export const ControlType = { TMF: 0, AN_QUERY: 1, AN_SUBSCRIBE: 2 } as const;
/** Task management functions. */
export const Tmf = {
  ABORT_TASK: 0,
  ABORT_TASK_SET: 1,
  CLEAR_ACA: 2,
  CLEAR_TASK_SET: 3,
  I_T_NEXUS_RESET: 4,
  LOGICAL_UNIT_RESET: 5,
  QUERY_TASK: 6,
  QUERY_TASK_SET: 7,
} as const;

/** struct virtio_scsi_ctrl_tmf. */
export const virtioScsiCtrlTmf = struct('virtio_scsi_ctrl_tmf (readable)', {
  type: v32,
  subtype: v32,
  lun: bytes(8),
  id: v64,
});
export const virtioScsiCtrlTmfResp = struct('virtio_scsi_ctrl_tmf (writable)', { response: u8 });
/** struct virtio_scsi_ctrl_an. */
export const virtioScsiCtrlAn = struct('virtio_scsi_ctrl_an (readable)', {
  type: v32,
  lun: bytes(8),
  event_requested: v32,
});
export const virtioScsiCtrlAnResp = struct('virtio_scsi_ctrl_an (writable)', {
  event_actual: v32,
  response: u8,
});

/** Asynchronous events of a unit: bits of event_requested, event_actual, and of the reason of ASYNC_NOTIFY. */
export const AsyncEvent = {
  OPERATIONAL_CHANGE: 2,
  POWER_MGMT: 4,
  EXTERNAL_REQUEST: 8,
  MEDIA_CHANGE: 16,
  MULTI_HOST: 32,
  DEVICE_BUSY: 64,
} as const;

/** struct virtio_scsi_event. */
export const virtioScsiEvent = struct('virtio_scsi_event', { event: v32, lun: bytes(8), reason: v32 });
/** Values of `event`; EVENTS_MISSED is or-ed in. */
export const ScsiEvent = {
  NO_EVENT: 0,
  TRANSPORT_RESET: 1,
  ASYNC_NOTIFY: 2,
  PARAM_CHANGE: 3,
  EVENTS_MISSED: 0x80000000,
} as const;
/** Reasons of TRANSPORT_RESET. */
export const ResetReason = { RESET_HARD: 0, RESET_RESCAN: 1, RESET_REMOVED: 2 } as const;
