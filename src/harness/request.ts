/** SCSI requests: what the driver sends, and the parts of what comes back. */

import { copyOf, freshBytes } from '../wire/fresh-bytes.js';
import {
  cdbOffset,
  type PiHeader,
  piOffset,
  requestHeaderSize,
  responseHeaderSize,
  TaskAttr,
  virtioScsiReqHead,
  virtioScsiReqPi,
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
  /** Protection information for data-out, and room for that of data-in; only where the sizes have a `piHeader`. */
  readonly piOut?: Uint8Array;
  readonly piInSize?: number;
  readonly layout?: RequestLayout;
}

/** What the layout of requests depends on: two sizes that the device configuration holds, and a feature. */
export interface RequestSizes {
  readonly senseSize: number;
  readonly cdbSize: number;
  /** Present with VIRTIO_SCSI_F_T10_PI: where the header says how much protection information there is. */
  readonly piHeader?: PiHeader;
}

/** The fixed fields of the answer to a command. */
export type Response = ReturnType<typeof virtioScsiRespHead.read>;

/** The answer to a command, taken apart. */
export interface ScsiAnswer {
  readonly response: Response;
  /** The sense area, sense_size bytes wide, whatever sense_len says. */
  readonly sense: Uint8Array;
  readonly piIn: Uint8Array;
  readonly piInPoison: Uint8Array;
  readonly dataIn: Uint8Array;
  readonly dataInPoison: Uint8Array;
}

/**
 * Poison for `status` and `response`: values that the standard leaves undefined, so that an unwritten field can
 * never look like an answer.
 */
const UNDEFINED_STATUS = 0xe5;
const UNDEFINED_RESPONSE = 0xe7;

/** Bytes of the readable part. */
export function readableSize({ piOut, dataOut }: ScsiRequest, { cdbSize, piHeader }: RequestSizes): number {
  return requestHeaderSize(cdbSize, piHeader) + (piOut?.length ?? 0) + (dataOut?.length ?? 0);
}

/** Bytes of the writable part. */
export function writableSize(
  { piInSize = 0, dataInSize = 0 }: ScsiRequest,
  { senseSize }: RequestSizes,
): number {
  return responseHeaderSize(senseSize) + piInSize + dataInSize;
}

/**
 * The readable part of a request as one run of bytes. Throws RangeError for a CDB that does not fit, and for protection
 * information in a request that has no fields for it.
 */
export function encodeRequest(request: ScsiRequest, sizes: RequestSizes): Uint8Array {
  const { cdbSize, piHeader } = sizes;
  const { piOut, piInSize = 0 } = request;
  if (request.cdb.length > cdbSize)
    throw new RangeError(`a CDB of ${request.cdb.length} bytes exceeds cdb_size ${cdbSize}`);
  if (piHeader === undefined && (piOut !== undefined || piInSize > 0))
    throw new RangeError('protection information without VIRTIO_SCSI_F_T10_PI');
  const out = freshBytes(readableSize(request, sizes));
  out.set(request.lun, 0);
  const { id, task_attr, prio, crn } = virtioScsiReqHead.fields;
  new DataView(out.buffer, out.byteOffset).setBigUint64(id.offset, request.id, true);
  out[task_attr.offset] = request.task_attr ?? TaskAttr.SIMPLE;
  out[prio.offset] = request.prio ?? 0;
  out[crn.offset] = request.crn ?? 0;
  out.set(request.cdb, cdbOffset(piHeader));
  const header = requestHeaderSize(cdbSize, piHeader);
  if (piHeader !== undefined) {
    const protection = { pi_bytesout: piOut?.length ?? 0, pi_bytesin: piInSize };
    virtioScsiReqPi.write(out, protection, piOffset(cdbSize, piHeader));
    if (piOut) out.set(piOut, header);
  }
  if (request.dataOut) out.set(request.dataOut, header + (piOut?.length ?? 0));
  return out;
}

/** What a request's chain holds. */
export function requestContents(request: ScsiRequest, sizes: RequestSizes, poison: Poison): Contents {
  const writable = copyOf(poison.take(writableSize(request, sizes)));
  writable[virtioScsiRespHead.fields.status.offset] = UNDEFINED_STATUS;
  writable[virtioScsiRespHead.fields.response.offset] = UNDEFINED_RESPONSE;
  return { readable: encodeRequest(request, sizes), writable };
}

/** Takes the answer to a command apart, of whose writable part `piInSize` bytes are for protection information. */
export function scsiAnswer(answer: Answer, { senseSize }: RequestSizes, piInSize = 0): ScsiAnswer {
  return new AnswerParts(answer, responseHeaderSize(senseSize), piInSize);
}

/** The parts are cut when they are asked for: of most answers few are. */
class AnswerParts implements ScsiAnswer {
  readonly response: Response;
  readonly #answer: Answer;
  readonly #header: number;
  /** Where data-in begins. */
  readonly #data: number;

  constructor(answer: Answer, header: number, piInSize: number) {
    this.response = virtioScsiRespHead.read(answer.bytes);
    this.#answer = answer;
    this.#header = header;
    this.#data = header + piInSize;
  }

  get sense(): Uint8Array {
    return this.#answer.bytes.subarray(virtioScsiRespHead.size, this.#header);
  }

  get piIn(): Uint8Array {
    return this.#answer.bytes.subarray(this.#header, this.#data);
  }

  get piInPoison(): Uint8Array {
    return this.#answer.poison.subarray(this.#header, this.#data);
  }

  get dataIn(): Uint8Array {
    return this.#answer.bytes.subarray(this.#data);
  }

  get dataInPoison(): Uint8Array {
    return this.#answer.poison.subarray(this.#data);
  }
}
