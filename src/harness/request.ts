/** SCSI requests: what the driver sends, how it is cut into buffers, and what came back. */
import type { DmaSpace } from '../port/dma-space.js';
import {
  requestHeaderSize,
  responseHeaderSize,
  TaskAttr,
  virtioScsiReqHead,
  virtioScsiRespHead,
} from '../wire/virtio-scsi.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type { Chain, ChainElement, IndirectFrom } from './split-queue.js';

/** How a request is cut into descriptors. */
export interface RequestLayout {
  /** Sizes of the device-readable pieces, in order; what they leave over is one more piece. */
  readonly out?: readonly number[];
  /** Sizes of the device-writable pieces; likewise. */
  readonly in?: readonly number[];
  /** From which piece on the chain goes to an indirect table; left out for none, 0 for all. */
  readonly indirectFrom?: IndirectFrom;
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

/** A request laid out in device-reachable memory. */
export interface PlacedRequest {
  readonly request: ScsiRequest;
  readonly sizes: RequestSizes;
  readonly out: readonly GuardedBuffer[];
  readonly in: readonly GuardedBuffer[];
  readonly elements: readonly ChainElement[];
}

/** A request that the device has returned. */
export interface Answer {
  /** `len` of the used entry. */
  readonly usedLen: number;
  /** The whole writable part, as one run of bytes. */
  readonly bytes: Uint8Array;
  /** What it held before. */
  readonly poison: Uint8Array;
  readonly response: Response;
  /** The sense area, sense_size bytes wide, whatever sense_len says. */
  readonly sense: Uint8Array;
  readonly dataIn: Uint8Array;
  readonly dataInPoison: Uint8Array;
}

/** The fixed fields of the answer. */
export type Response = ReturnType<typeof virtioScsiRespHead.read>;

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

/** Cuts `total` bytes into the given sizes plus what they leave over; throws when they exceed it. */
export function cut(total: number, sizes: readonly number[]): number[] {
  const out: number[] = [];
  let left = total;
  for (const size of sizes) {
    if (size > left) throw new RangeError(`the pieces ${sizes.join(', ')} exceed the ${total} bytes to cut`);
    if (size > 0) out.push(size);
    left -= size;
  }
  if (left > 0) out.push(left);
  return out;
}

/** Puts a request into memory: each piece a guarded buffer of its own, writable ones filled with poison. */
export function placeRequest(
  dma: DmaSpace,
  poison: Poison,
  request: ScsiRequest,
  sizes: RequestSizes,
): PlacedRequest {
  const readable = encodeRequest(request, sizes);
  const headerIn = responseHeaderSize(sizes.senseSize);
  const writable = headerIn + (request.dataInSize ?? 0);
  const poisoned = poison.take(writable).slice();
  poisoned[virtioScsiRespHead.fields.status.offset] = UNDEFINED_STATUS;
  poisoned[virtioScsiRespHead.fields.response.offset] = UNDEFINED_RESPONSE;

  const pieces = (bytes: Uint8Array, cuts: readonly number[]): GuardedBuffer[] => {
    let at = 0;
    return cut(bytes.length, cuts).map((size) => {
      at += size;
      return new GuardedBuffer(dma, poison, bytes.subarray(at - size, at));
    });
  };
  const out = pieces(readable, request.layout?.out ?? [requestHeaderSize(sizes.cdbSize)]);
  const inPieces = pieces(poisoned, request.layout?.in ?? [headerIn]);
  const element = (writable: boolean) => (buffer: GuardedBuffer) => ({
    iova: buffer.iova,
    length: buffer.size,
    writable,
  });
  return {
    request,
    sizes,
    out,
    in: inPieces,
    elements: [...out.map(element(false)), ...inPieces.map(element(true))],
  };
}

/** Reads back what the device left in a request's writable part. */
export function readAnswer(placed: PlacedRequest, usedLen: number): Answer {
  for (const buffer of placed.in) buffer.fetch();
  const [first] = placed.in;
  const single = placed.in.length === 1 && first !== undefined;
  // A copy: the device may go on writing, and what was judged must be what is reported.
  const bytes = single ? first.view.slice() : Buffer.concat(placed.in.map((buffer) => buffer.view));
  const poison = single ? first.initial : Buffer.concat(placed.in.map((buffer) => buffer.initial));
  const header = responseHeaderSize(placed.sizes.senseSize);
  return {
    usedLen,
    bytes,
    poison,
    response: virtioScsiRespHead.read(bytes),
    sense: bytes.subarray(virtioScsiRespHead.size, header),
    dataIn: bytes.subarray(header),
    dataInPoison: poison.subarray(header),
  };
}

/** A request in flight or returned. */
export interface Exchange {
  /** Index of the queue. */
  readonly queue: number;
  readonly placed: PlacedRequest;
  readonly chain: Chain;
  /** Set when the device has returned it. */
  answer?: Answer;
  /** Free-running index of its entry in the used ring. */
  usedIndex?: number;
  /** Position in the order of returns, over all queues. */
  returned?: number;
  /** Whether the queue's vector was raised for it; undefined where none was expected. */
  interrupted?: boolean;
}
