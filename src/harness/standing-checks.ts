/** The checks that hold for every exchange, judged on the bytes that came back. */
import { parseSense } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response, virtioScsiRespHead } from '../wire/virtio-scsi.js';
import type { Answer, Exchange } from './exchange.js';
import { firstUnwritten, lastWritten } from './poison.js';
import { type RequestSizes, type ScsiAnswer, type ScsiRequest, scsiAnswer } from './request.js';
import type { StandingCheck, Violation } from './violation.js';

type Finding = Omit<Violation, 'check'>;
/** Undefined: the check holds. `not-applicable`: this exchange cannot decide it. */
type Judgement = Finding | undefined | 'not-applicable';

const { fields } = virtioScsiRespHead;
const RESPONSES: ReadonlySet<number> = new Set(Object.values(Response));
const STATUSES: ReadonlySet<number> = new Set(Object.values(ScsiStatus));

/** What the checks need to know. */
export interface ExchangeFacts {
  readonly exchange: Exchange;
  readonly answer: Answer;
  /** Length of the data by the CDB's own fields, where that is known: the checks on `residual` need it. */
  readonly cdbLength: bigint | undefined;
}

/** The same of a SCSI command, with its answer taken apart. */
interface CommandFacts extends ExchangeFacts {
  readonly request: ScsiRequest;
  readonly sizes: RequestSizes;
  readonly scsi: ScsiAnswer;
}

function usedLength({ answer, exchange }: ExchangeFacts): Judgement {
  const writable = exchange.placed.writableLength ?? answer.bytes.length;
  if (answer.usedLen === undefined) return 'not-applicable';
  if (answer.usedLen <= writable) return undefined;
  return {
    expected: `used len of at most ${writable}, the device-writable bytes`,
    got: `used len ${answer.usedLen}`,
  };
}

function usedLengthGap({ answer }: ExchangeFacts): Judgement {
  if (answer.usedLen === undefined || answer.usedLen > answer.bytes.length) return 'not-applicable';
  const gap = firstUnwritten(answer.bytes, answer.poison, answer.usedLen);
  if (gap < 0) return undefined;
  return {
    expected: `the first ${answer.usedLen} bytes (used len) written`,
    got: `byte ${gap} and the next were not written`,
  };
}

function usedLengthShort({ answer }: CommandFacts): Judgement {
  if (answer.usedLen === undefined) return 'not-applicable';
  if (answer.usedLen >= virtioScsiRespHead.size) return undefined;
  return { expected: `used len of at least ${virtioScsiRespHead.size}`, got: `used len ${answer.usedLen}` };
}

function usedWriteFlag({ answer, exchange }: ExchangeFacts): Judgement {
  const said = exchange.used?.writeFlag;
  // Of a chain that a batch skipped nothing is said.
  if (said === undefined || exchange.used?.len === undefined) return 'not-applicable';
  const last = lastWritten(answer.bytes, answer.poison);
  if (said || last < 0) return undefined;
  return {
    expected: 'WRITE in the used descriptor: something was written',
    got: `no WRITE, though byte ${last} of the buffer was written`,
  };
}

function canary({ exchange }: ExchangeFacts): Judgement {
  for (const [kind, buffers] of [
    ['device-readable', exchange.placed.out],
    ['device-writable', exchange.placed.in],
  ] as const) {
    for (const [i, buffer] of buffers.entries()) {
      buffer.fetch();
      const at = buffer.brokenGuard();
      if (at !== undefined)
        return {
          expected: `nothing written outside the ${buffer.size} bytes of ${kind} buffer ${i}`,
          got: `byte ${at} of it was written`,
        };
    }
  }
  return undefined;
}

function readableIntact({ exchange }: ExchangeFacts): Judgement {
  for (const [i, buffer] of exchange.placed.out.entries()) {
    if (buffer.unchanged()) continue;
    const at = buffer.view.findIndex((byte, k) => byte !== buffer.initial[k]);
    return { expected: `device-readable buffer ${i} unchanged`, got: `byte ${at} of it changed` };
  }
  return undefined;
}

function indirectIntact({ exchange }: ExchangeFacts): Judgement {
  const { tables } = exchange.chain;
  if (tables.length === 0) return 'not-applicable';
  for (const table of tables) {
    table.fetch();
    if (table.unchanged()) continue;
    const at = table.view.findIndex((byte, k) => byte !== table.initial[k]);
    return { expected: 'the indirect table unchanged', got: `byte ${at} of it changed` };
  }
  return undefined;
}

function fieldUnwritten({ answer }: ExchangeFacts, field: { offset: number; size: number }): boolean {
  for (let i = field.offset; i < field.offset + field.size; i++)
    if (answer.bytes[i] !== answer.poison[i]) return false;
  return true;
}

const OUTCOME_FIELDS = [fields.status, fields.response];
const OTHER_FIELDS = [fields.sense_len, fields.residual, fields.status_qualifier];

/** Those of some fields that were not written, in words; undefined when all were. */
function unwritten(
  facts: ExchangeFacts,
  some: typeof OUTCOME_FIELDS | typeof OTHER_FIELDS,
): string | undefined {
  let missing: string | undefined;
  for (const field of some)
    if (fieldUnwritten(facts, field))
      missing = missing === undefined ? field.name : `${missing} and ${field.name}`;
  return missing;
}

function responseWritten(facts: CommandFacts): Judgement {
  const missing = unwritten(facts, OUTCOME_FIELDS);
  if (missing === undefined) return undefined;
  return { expected: 'status and response written', got: `${missing} not written` };
}

function responseFields(facts: CommandFacts): Judgement {
  const missing = unwritten(facts, OTHER_FIELDS);
  if (missing === undefined) return undefined;
  return {
    expected: 'sense_len, residual and status_qualifier written',
    got: `${missing} not written`,
  };
}

function codes(facts: CommandFacts): Judgement {
  const { response, status } = facts.scsi.response;
  if (!fieldUnwritten(facts, fields.response) && !RESPONSES.has(response))
    return { expected: 'a response of 0 to 9', got: `response ${response}` };
  if (!fieldUnwritten(facts, fields.status) && !STATUSES.has(status))
    return { expected: 'a status that SAM defines', got: `status ${hex(status)}h` };
  return undefined;
}

function sense({ scsi, sizes: { senseSize } }: CommandFacts): Judgement {
  const { response, status, sense_len } = scsi.response;
  if (response !== Response.OK) return 'not-applicable';
  if (status !== ScsiStatus['CHECK CONDITION'])
    return sense_len === 0
      ? undefined
      : { expected: `sense_len 0 with status ${hex(status)}h`, got: `sense_len ${sense_len}` };
  if (senseSize < 8) return 'not-applicable';
  if (sense_len < 8 || sense_len > senseSize)
    return { expected: `sense_len of 8 to ${senseSize} with CHECK CONDITION`, got: `sense_len ${sense_len}` };
  const parsed = parseSense(scsi.sense.subarray(0, sense_len));
  return parsed.ok ? undefined : { expected: 'well-formed sense data', got: parsed.reason };
}

/** Judged only where both readings of "data length" (ruling A5), buffer and CDB, give the same number. */
function residual({ scsi, request, cdbLength }: CommandFacts): Judgement {
  const { response, status, residual: said } = scsi.response;
  const { dataOut, dataInSize = 0, piOut, piInSize = 0 } = request;
  const size = dataOut?.length ?? dataInSize;
  const bidirectional = dataOut !== undefined && dataInSize > 0;
  if (response !== Response.OK || status !== ScsiStatus.GOOD || bidirectional) return 'not-applicable';
  if (cdbLength !== BigInt(size)) return 'not-applicable';
  // A residual may count protection information or not (ruling A2).
  if (said !== 0 && (piOut !== undefined || piInSize > 0)) return 'not-applicable';
  if (dataInSize === 0)
    return said === 0 ? undefined : { expected: 'residual 0: all data was moved', got: `residual ${said}` };
  if (said > size) return { expected: `residual of at most ${size}`, got: `residual ${said}` };
  const moved = size - said;
  // Taken once: each is cut anew when it is asked for.
  const { dataIn, dataInPoison } = scsi;
  // Only behind what was moved: most often that is nothing, and this is done for every transaction.
  let behind = dataIn.length - 1;
  while (behind >= moved && (dataIn[behind] === 0 || dataIn[behind] === dataInPoison[behind])) behind--;
  if (behind >= moved)
    return {
      expected: `${moved} bytes of data-in, as residual ${said} says`,
      got: `byte ${behind} was written too`,
    };
  const gap = firstUnwritten(dataIn, dataInPoison, moved);
  if (gap >= 0)
    return {
      expected: `${moved} bytes of data-in, as residual ${said} says`,
      got: `byte ${gap} and the next were not written`,
    };
  return undefined;
}

/** What `residual` finds nothing wrong with, and yet was written. */
function residualZeros(facts: CommandFacts): Judgement {
  if (facts.request.dataInSize === undefined || residual(facts) !== undefined) return 'not-applicable';
  const { scsi } = facts;
  const { residual: said } = scsi.response;
  const moved = scsi.dataIn.length - said;
  const last = lastWritten(scsi.dataIn, scsi.dataInPoison);
  if (last < moved) return undefined;
  return {
    expected: `${moved} bytes of data-in, as residual ${said} says, and no zeros behind them`,
    got: `byte ${last} was cleared too`,
  };
}

function interrupt({ exchange }: ExchangeFacts): Judgement {
  if (exchange.interrupted === undefined) return 'not-applicable';
  return exchange.interrupted ? undefined : { expected: "the queue's vector raised", got: 'no interrupt' };
}

/** Checks on any chain. */
const CHAIN_CHECKS: readonly [StandingCheck, (facts: ExchangeFacts) => Judgement][] = [
  ['used-length', usedLength],
  ['used-length-gap', usedLengthGap],
  ['used-write-flag', usedWriteFlag],
  ['canary', canary],
  ['readable-intact', readableIntact],
  ['ring-intact', indirectIntact],
  ['interrupt', interrupt],
];

/** Checks on the answer to a SCSI command. */
const COMMAND_CHECKS: readonly [StandingCheck, (facts: CommandFacts) => Judgement][] = [
  ['used-length-short', usedLengthShort],
  ['response-written', responseWritten],
  ['response-fields', responseFields],
  ['codes', codes],
  ['sense', sense],
  ['residual', residual],
  ['residual-zeros', residualZeros],
];

/** Judges one returned exchange; calls `judged` once for every check that it could decide. */
export function judgeExchange(
  facts: ExchangeFacts,
  judged: (check: StandingCheck, violation: Violation | undefined) => void,
): void {
  const tell = (check: StandingCheck, judgement: Judgement) => {
    if (judgement !== 'not-applicable')
      judged(check, judgement && { check, bytes: answerBytes(facts.answer), ...judgement });
  };
  for (const [check, judge] of CHAIN_CHECKS) tell(check, judge(facts));
  const { exchange, answer, cdbLength } = facts;
  const { scsi: command } = exchange;
  if (command === undefined) return;
  const { request, sizes } = command;
  // Field by field: this is done for every transaction, and spreading costs as much as all the checks.
  const commandFacts: CommandFacts = {
    exchange,
    answer,
    cdbLength,
    request,
    sizes,
    scsi: scsiAnswer(answer, sizes, request.piInSize),
  };
  for (const [check, judge] of COMMAND_CHECKS) tell(check, judge(commandFacts));
}

/** The fixed fields of the answer in hex, as the bytes that go with a violation. */
function answerBytes(answer: Answer): string {
  return Buffer.from(answer.bytes.subarray(0, virtioScsiRespHead.size)).toString('hex');
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
