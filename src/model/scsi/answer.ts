/** The writable part of a request as the device stores it ("Device Operation: Request Queues"). */
import { freshBytes, NO_BYTES } from '../../wire/fresh-bytes.js';
import type { ByteOrder } from '../../wire/layout.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import { responseHeaderSize, virtioScsiRespHead } from '../../wire/virtio-scsi.js';
import type { CommandResult } from '../units/command-result.js';
import { encodeSense } from '../units/sense.js';
import type { Task } from './task.js';

/** The fixed fields by their names. */
export interface AnswerFields {
  readonly sense_len: number;
  readonly residual: number;
  readonly status_qualifier: number;
  readonly status: number;
  readonly response: number;
}

export interface Answer {
  readonly fields: AnswerFields;
  /** Sense data, `sense_len` bytes of them on a conformant device. */
  readonly sense: Uint8Array;
  /** Width of the sense field, sense_size when the request was taken. */
  readonly senseSize: number;
  readonly order: ByteOrder;
  /** pi_in; as long as the request asks for, or empty where nothing is read. */
  readonly piIn: Uint8Array;
  /** Data-in, as far as it is stored. */
  readonly dataIn: Uint8Array;
  /** Ranges `[from, to)` of the writable part that are left as they were; none on a conformant device. */
  readonly unwritten: readonly (readonly [from: number, to: number])[];
}

/** The bytes of an answer. The sense field is filled with zeros, so that all bytes up to the used length are written. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const head = responseHeaderSize(answer.senseSize);
  const bytes = freshBytes(head + answer.piIn.length + answer.dataIn.length);
  virtioScsiRespHead.write(bytes, answer.fields, 0, answer.order);
  bytes.set(answer.sense.subarray(0, answer.senseSize), virtioScsiRespHead.size);
  bytes.set(answer.piIn, head);
  bytes.set(answer.dataIn, head + answer.piIn.length);
  return bytes;
}

/** Stores bytes except for the unwritten ranges. */
export function storeAnswer(
  bytes: Uint8Array,
  unwritten: Answer['unwritten'],
  store: (offset: number, bytes: Uint8Array) => void,
): void {
  let from = 0;
  for (const [gap, end] of [...unwritten].sort(([a], [b]) => a - b)) {
    if (gap > from) store(from, bytes.subarray(from, gap));
    from = Math.max(from, end);
  }
  if (from < bytes.length) store(from, bytes.subarray(from));
}

/** pi_in in full: what there is no protection information for is filled with zeros, so that no gap is left before data. */
function protectionIn(task: Task, { data, protection }: CommandResult): Uint8Array {
  const length = data === undefined ? 0 : (task.protection?.in ?? 0);
  if (length === 0) return NO_BYTES;
  const bytes = freshBytes(length);
  if (protection) bytes.set(protection.subarray(0, bytes.length));
  return bytes;
}

/** The answer of a conformant device. Residual counts from the size of the buffers for data (rulings A2, A5). */
export function answerOf(task: Task, response: number, result?: CommandResult): Answer {
  const data = result?.data?.subarray(0, task.dataInLength) ?? NO_BYTES;
  const moved = data.length + Math.min(result?.taken ?? 0, task.dataOutLength);
  const sense = result?.sense
    ? encodeSense(result.sense, result.descriptorSense ?? false).subarray(0, task.senseSize)
    : NO_BYTES;
  return {
    fields: {
      sense_len: sense.length,
      residual: task.dataInLength + task.dataOutLength - moved,
      status_qualifier: 0,
      status: result?.status ?? ScsiStatus.GOOD,
      response,
    },
    sense,
    senseSize: task.senseSize,
    order: task.order,
    piIn: result ? protectionIn(task, result) : NO_BYTES,
    dataIn: data,
    unwritten: [],
  };
}
