import { expect, test } from 'vitest';
import { compareTraces, sentChains } from '../../src/run/compare-traces.js';
import type { ReturnedRecord, TraceRecord } from '../../src/run/trace-record.js';

const returned = (
  bytes: string | undefined,
  untouched: [number, number][] = [],
  rest: Partial<ReturnedRecord> = {},
): ReturnedRecord => ({
  type: 'returned',
  exchange: 1,
  queue: 2,
  head: 0,
  fields: [{ part: 'in', offset: 0, name: 'status', bytes: bytes?.slice(0, 2) ?? '', meaning: `${bytes}` }],
  ...(bytes !== undefined && { in: [{ addr: '0', bytes, untouched }], usedLen: 2 }),
  ...rest,
});
const read = (value: string, location = 'status'): TraceRecord => ({
  type: 'access',
  verb: 'read',
  location,
  value,
});
const step = (name: string): TraceRecord => ({ type: 'step', step: name, kind: 'read', place: 'a.yaml:1' });

test('the same answer, wherever it lay', () => {
  const now = returned('0102', [], { in: [{ addr: 'ff', bytes: '0102', untouched: [] }], head: 7 });
  expect(compareTraces([returned('0102')], [now])).toEqual([]);
});

test('a byte that differs is named by its field', () => {
  expect(compareTraces([returned('0102')], [returned('0302')])).toEqual([
    {
      place: 'chain 1 on queue 2',
      before: 'status 0102',
      now: 'status 0302',
      bytes: { before: '0102', now: '0302', mask: 'ffff' },
    },
  ]);
});

test('what nobody wrote is no difference, what one of them wrote is', () => {
  const before = returned('01aa', [[1, 2]]);
  expect(compareTraces([before], [returned('01bb', [[1, 2]])])).toEqual([]);
  expect(compareTraces([before], [returned('01bb')])).toHaveLength(1);
  // By chance what was there before is what is written now.
  expect(compareTraces([before], [returned('01aa')])).toEqual([]);
});

test('a used length, an answer that did not come, a case that ended', () => {
  const lengths = compareTraces([returned('01')], [returned('01', [], { usedLen: 9 })]);
  expect(lengths).toMatchObject([{ before: 'used length 2', now: 'used length 9' }]);
  expect(compareTraces([returned('01')], [returned(undefined)])).toMatchObject([
    { now: 'did not come back' },
  ]);
  expect(compareTraces([returned(undefined)], [returned(undefined)])).toEqual([]);
  expect(compareTraces([returned('01')], [])).toMatchObject([{ now: 'the case ended before it' }]);
});

test('reads, of which those that wait for something count once', () => {
  const before = [step('1'), read('0x0'), read('0x1'), step('2'), read('0x5')];
  expect(compareTraces(before, [step('1'), read('0x1'), step('2'), read('0x5')])).toEqual([]);
  expect(compareTraces(before, [step('1'), read('0x1'), step('2'), read('0x6')])).toEqual([
    { place: 'read 2', before: 'status = 0x5', now: 'status = 0x6' },
  ]);
});

test('only the last attempt counts', () => {
  const sent = (bytes: string): TraceRecord => ({
    ...{ type: 'sent', exchange: 1, kind: 'chain', queue: 2, descriptors: [], fields: [] },
    out: [{ addr: '0', bytes }],
    in: [{ addr: '10', size: 4 }],
  });
  expect(sentChains([sent('01'), { type: 'attempt', number: 2 }, sent('02')])).toEqual([
    { queue: 2, out: ['02'], in: [4] },
  ]);
});
