import { expect, test } from 'vitest';
import { compareWithBaseline } from '../../src/run/baseline.js';
import type { Finding, Verdict } from '../../src/run/results.js';
import { caseResults } from './case-results.js';

const results = (verdicts: Readonly<Record<string, Verdict>>) => ({
  cases: caseResults(verdicts),
  standing: [],
});

test.each([
  ['pass', 'fail', 'regression'],
  ['skip', 'crash', 'regression'],
  ['fail', 'crash', 'regression'],
  ['fail', 'pass', 'fixed'],
  ['hang', 'skip', 'fixed'],
  ['crash', 'fail', 'changed'],
  ['pass', 'warn', 'changed'],
  [undefined, 'pass', 'new'],
  [undefined, 'fail', 'regression'],
] as const)('from %s to %s is %s', (before, now, kind) => {
  const changes = compareWithBaseline(results({ a: now }), results(before ? { a: before } : {}), true);
  expect(changes).toEqual([{ id: 'a', before, now, kind }]);
});

test('what stays as it was is no change', () => {
  expect(
    compareWithBaseline(results({ a: 'fail', b: 'pass' }), results({ a: 'fail', b: 'pass' }), true),
  ).toEqual([]);
});

test('what is missing is gone in a complete run, and not looked for in a selection', () => {
  const gone = [{ id: 'b', before: 'pass', now: undefined, kind: 'gone' }];
  expect(compareWithBaseline(results({ a: 'pass' }), results({ a: 'pass', b: 'pass' }), true)).toEqual(gone);
  expect(compareWithBaseline(results({ a: 'pass' }), results({ a: 'pass', b: 'pass' }), false)).toEqual([]);
});

const finding = (gotBytes: string): Finding => ({
  ...{ step: '1', check: 'data_in', requirements: [], severity: 'fail', expected: '', got: '' },
  gotBytes,
});
const withBytes = (...bytes: string[]) => ({
  cases: caseResults({ a: 'fail' }).map((result) => ({ ...result, findings: bytes.map(finding) })),
  standing: [],
});

test('other bytes of what is as red as before are told, and the same bytes are not', () => {
  const change = (before: string[], now: string[]) =>
    compareWithBaseline(withBytes(...now), withBytes(...before), true);
  expect(change(['01', '02'], ['01', '02'])).toEqual([]);
  const common = { id: 'a', before: 'fail', now: 'fail', kind: 'bytes' };
  expect(change(['01', '02'], ['01', '03'])).toEqual([{ ...common, detail: ['02', '03'] }]);
  expect(change(['01', '02'], ['01'])).toEqual([{ ...common, detail: ['02', ''] }]);
  expect(change([], ['01'])).toEqual([{ ...common, detail: ['', '01'] }]);
});

test('times are told where they are much longer or shorter, and known of both', () => {
  const took = (durationMs: number) => ({
    cases: caseResults({ a: 'pass' }).map((result) => ({ ...result, durationMs })),
    standing: [],
  });
  const change = (before: number, now: number) => compareWithBaseline(took(now), took(before), true);
  const common = { id: 'a', before: 'pass', now: 'pass', kind: 'time' };
  expect(change(100, 450)).toEqual([{ ...common, detail: ['100 ms', '450 ms'] }]);
  expect(change(450, 100)).toEqual([{ ...common, detail: ['450 ms', '100 ms'] }]);
  expect(change(1, 50)).toEqual([]);
  expect(change(1000, 2900)).toEqual([]);
  expect(change(0, 1000)).toEqual([]);
});
