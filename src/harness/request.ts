/** SCSI requests: what the driver sends, and the parts of what comes back. */
import {
  requestHeaderSize,
  responseHeaderSize,
  TaskAttr,
  virtioScsiReqHead,
  virtioScsiRespHead,
} from '../wire/virtio-scsi.js';
import type { Answer, Contents } from './exchange.js';
import type { Poison } from './poison.js';

/** How a request is cut into descriptors. */
export interface RequestLayout {
  /** Sizes of the device-readable pieces, in order; what they leave over is one more piece. */
  readonly out?: readonly number[];
  /** Sizes of the device-writable pieces; likewise. */
  readonly in?: readonly number[];
  /** From which piece on the chain goes to an indirect table; left out for what the mode says, 0 for all. */
  readonly indirectFrom?: number | 'none' | undefined;
  /** Sizes to use instead of those that the device configuration holds. */
  readonly sizes?: RequestSizes;
}

/** One SCSI command as a virtio-scsi request. */
export interface ScsiRequest {
  /** The 8-byte lun field. */
  readonly lun: Uint8Array;
  /** The tag. */
  readonly id: bigint;
  readonly task_attr?: number;
  readonly prio?: number;
  readonly crn?: number;
  /** Shorter than cdb_size: padded with zeros. */
  readonly cdb: Uint8Array;
  /** Left out for none. */
  readonly dataOut?: Uint8Array;
  /** Size of the data-in buffer; 0 or left out for none. */
  readonly dataInSize?: number;
  readonly layout?: RequestLayout;
}

/** The two sizes that the layout of requests depends on, as the device configuration holds them. */
export interface RequestSizes {
  readonly senseSize: number;
  readonly cdbSize: number;
}

/** The fixed fields of the answer to a command. */
export type Response = ReturnType<typeof virtioScsiRespHead.read>;

/** The answer to a command, taken apart. */
export interface ScsiAnswer {
  readonly response: Response;
  /** The sense area, sense_size bytes wide, whatever sense_len says. */
  readonly sense: Uint8Array;
  readonly dataIn: Uint8Array;
  readonly dataInPoison: Uint8Array;
}

/**
 * Poison for `status` and `response`: values that the standard leaves undefined, so that an unwritten field can
 * never look like an answer.
 */
const UNDEFINED_STATUS = 0xe5;
const UNDEFINED_RESPONSE = 0xe7;

/** The readable part of a request as one run of bytes. */
export function encodeRequest(request: ScsiRequest, { cdbSize }: RequestSizes): Uint8Array {
  if (request.cdb.length > cdbSize)
    throw new RangeError(`a CDB of ${request.cdb.length} bytes exceeds cdb_size ${cdbSize}`);
  const header = requestHeaderSize(cdbSize);
  const out = new Uint8Array(header + (request.dataOut?.length ?? 0));
  out.set(request.lun, 0);
  const { id, task_attr, prio, crn } = virtioScsiReqHead.fields;
  new DataView(out.buffer).setBigUint64(id.offset, request.id, true);
  out[task_attr.offset] = request.task_attr ?? TaskAttr.SIMPLE;
  out[prio.offset] = request.prio ?? 0;
  out[crn.offset] = request.crn ?? 0;
  out.set(request.cdb, virtioScsiReqHead.size);
  if (request.dataOut) out.set(request.dataOut, header);
  return out;
}

/** What a request's chain holds. */
export function requestContents(request: ScsiRequest, sizes: RequestSizes, poison: Poison): Contents {
  const writable = poison.take(responseHeaderSize(sizes.senseSize) + (request.dataInSize ?? 0)).slice();
  writable[virtioScsiRespHead.fields.status.offset] = UNDEFINED_STATUS;
  writable[virtioScsiRespHead.fields.response.offset] = UNDEFINED_RESPONSE;
  return { readable: encodeRequest(request, sizes), writable };
}

/** Takes the answer to a command apart. */
export function scsiAnswer({ bytes, poison }: Answer, { senseSize }: RequestSizes): ScsiAnswer {
  const header = responseHeaderSize(senseSize);
  return {
    response: virtioScsiRespHead.read(bytes),
    sense: bytes.subarray(virtioScsiRespHead.size, header),
    dataIn: bytes.subarray(header),
    dataInPoison: poison.subarray(header),
  };
}
