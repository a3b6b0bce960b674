/** Two traces of one case, the second with the bytes of the first: where the device answered otherwise. */
import type { DecodedField } from './decode-exchange.js';
import type { SentChain } from './resend.js';
import type { ReturnedRecord, TraceRecord } from './trace-record.js';

/** One place where they differ. */
export interface TraceDifference {
  /** Where: a chain, by its number in the trace, or a location. */
  readonly place: string;
  readonly before: string;
  readonly now: string;
  /** The bytes in hex, with those that count, where it is about the contents of buffers. */
  readonly bytes?: { readonly before: string; readonly now: string; readonly mask: string };
}

/** The records of the attempt that counted. */
export function lastAttempt(records: readonly TraceRecord[]): readonly TraceRecord[] {
  return records.slice(records.findLastIndex(({ type }) => type === 'attempt') + 1);
}

/** What a trace sent, in order. */
export function sentChains(records: readonly TraceRecord[]): SentChain[] {
  return lastAttempt(records).flatMap((record) =>
    record.type === 'sent'
      ? [
          {
            queue: record.queue,
            out: record.out.map(({ bytes }) => bytes),
            in: record.in.map(({ size }) => size),
          },
        ]
      : [],
  );
}

/**
 * What came back by chain, byte by byte, and what steps read. Bytes that no device wrote in either are no difference,
 * nor are addresses, registers that the driver accessed on its own, interrupts and time.
 */
export function compareTraces(
  before: readonly TraceRecord[],
  now: readonly TraceRecord[],
): TraceDifference[] {
  return [...compareReturned(before, now), ...compareReads(before, now)];
}

type Of<T extends TraceRecord['type']> = Extract<TraceRecord, { readonly type: T }>;

function all<T extends TraceRecord['type']>(records: readonly TraceRecord[], type: T): Of<T>[] {
  return lastAttempt(records).filter((record): record is Of<T> => record.type === type);
}

/** The last answer of each chain: several steps may wait for one. */
function answers(records: readonly TraceRecord[]): Map<number, ReturnedRecord> {
  return new Map(all(records, 'returned').map((record) => [record.exchange, record]));
}

function compareReturned(before: readonly TraceRecord[], now: readonly TraceRecord[]): TraceDifference[] {
  const later = answers(now);
  return [...answers(before)].flatMap(([exchange, old]) => {
    const place = `chain ${exchange} on queue ${old.queue}`;
    const answer = later.get(exchange);
    if (answer === undefined) return [{ place, before: cameBack(old), now: 'the case ended before it' }];
    if (old.in === undefined || answer.in === undefined)
      return old.in === answer.in ? [] : [{ place, before: cameBack(old), now: cameBack(answer) }];
    const found: TraceDifference[] = [];
    const length = (record: ReturnedRecord) => `used length ${record.usedLen ?? 'not told'}`;
    if (old.usedLen !== answer.usedLen) found.push({ place, before: length(old), now: length(answer) });
    const bytes = compareBuffers(old, answer);
    if (bytes !== undefined) {
      const words = fieldsThatDiffer(old.fields, answer.fields, bytes);
      found.push({ place, before: words.before, now: words.now, bytes });
    }
    return found;
  });
}

const cameBack = (record: ReturnedRecord) => (record.in === undefined ? 'did not come back' : 'came back');

function compareBuffers(old: ReturnedRecord, answer: ReturnedRecord): TraceDifference['bytes'] | undefined {
  const [left, right] = [old, answer].map(({ in: buffers = [] }) => ({
    bytes: Buffer.from(buffers.map(({ bytes }) => bytes).join(''), 'hex'),
    written: Buffer.concat(
      buffers.map(({ bytes, untouched }) => {
        const written = Buffer.alloc(bytes.length / 2, 0xff);
        for (const [from, to] of untouched) written.fill(0, from, to);
        return written;
      }),
    ),
  }));
  if (left === undefined || right === undefined) return undefined;
  const size = Math.max(left.bytes.length, right.bytes.length);
  const mask = Buffer.from(
    Array.from({ length: size }, (_, at) => {
      const nobodys = left.written[at] === 0 && right.written[at] === 0;
      return nobodys ? 0 : 0xff;
    }),
  );
  if (mask.every((care, at) => care === 0 || left.bytes[at] === right.bytes[at])) return undefined;
  const hex = (data: Buffer) => data.toString('hex');
  return { before: hex(left.bytes), now: hex(right.bytes), mask: hex(mask) };
}

/** The fields in which bytes differ, with what they say. */
function fieldsThatDiffer(
  before: readonly DecodedField[],
  now: readonly DecodedField[],
  bytes: NonNullable<TraceDifference['bytes']>,
): { readonly before: string; readonly now: string } {
  const [left, right, mask] = [bytes.before, bytes.now, bytes.mask].map((hex) => Buffer.from(hex, 'hex'));
  const differs = ({ offset, bytes: { length } }: DecodedField) =>
    mask
      ?.subarray(offset, offset + length / 2)
      .some((care, at) => care !== 0 && left?.[offset + at] !== right?.[offset + at]);
  const names = new Set([...before, ...now].filter(differs).map(({ name }) => name));
  const words = (fields: readonly DecodedField[]) =>
    fields
      .filter(({ name }) => names.has(name))
      .map(({ name, meaning }) => (meaning === undefined ? name : `${name} ${meaning}`))
      .join(', ');
  return { before: words(before), now: words(now) };
}

/** Reads by steps, in their order; one that is made again and again until something is so counts once. */
function compareReads(before: readonly TraceRecord[], now: readonly TraceRecord[]): TraceDifference[] {
  const [old, later] = [lastReads(before), lastReads(now)];
  return old.flatMap(({ location, value }, index) => {
    const read = later[index];
    if (read?.location === location && read.value === value) return [];
    const seen = read === undefined ? 'the case ended before it' : `${read.location} = ${read.value}`;
    return [{ place: `read ${index + 1}`, before: `${location} = ${value}`, now: seen }];
  });
}

function lastReads(records: readonly TraceRecord[]): { location: string; value: string }[] {
  const reads: { location: string; value: string }[] = [];
  let step = '';
  let last = '';
  for (const record of lastAttempt(records)) {
    if (record.type === 'step') step = record.step;
    if (record.type !== 'access' || record.verb !== 'read') continue;
    const { location, value } = record;
    const same = `${step} ${location}`;
    if (same === last) reads.pop();
    reads.push({ location, value });
    last = same;
  }
  return reads;
}
