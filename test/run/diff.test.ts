import { expect, test } from 'vitest';
import { type Difference, diffResults } from '../../src/run/diff.js';
import type { CaseResult, Finding } from '../../src/run/results.js';
import { caseResults } from './case-results.js';

const finding = (change: Partial<Finding>): Finding => ({
  ...{
    step: '1',
    check: 'data_in',
    requirements: [],
    severity: 'fail',
    expected: '01',
    got: '02',
    gotBytes: '02',
  },
  ...change,
});
const one = (change: Partial<CaseResult>) => ({
  cases: caseResults({ a: 'fail' }).map((result) => ({ ...result, findings: [finding({})], ...change })),
  standing: [],
});
const kinds = (differences: readonly Difference[]) => differences.map(({ id, kind }) => `${id} ${kind}`);

test.each<[string, Partial<CaseResult>, string[]]>([
  ['the same', {}, []],
  ['another time', { durationMs: 99 }, []],
  ['another request, as tags make it', { findings: [finding({ sent: 'ff' })] }, []],
  ['a pass', { verdict: 'pass', findings: [] }, ['a verdict']],
  ['a skip', { verdict: 'skip', findings: [], skip: { kind: 'not-offered', evidence: 'e' } }, ['a executed']],
  ['other bytes', { findings: [finding({ gotBytes: '03' })] }, ['a findings']],
  ['one finding more', { findings: [finding({}), finding({})] }, ['a findings']],
  ['another step', { findings: [finding({ step: '2' })] }, ['a findings']],
  ['alternatives that the other does not tell', { seen: [{ step: '1', is: 'x' }] }, []],
])('against a failure, %s', (_, change, expected) => {
  expect(kinds(diffResults(one({}), one(change)))).toEqual(expected);
  expect(kinds(diffResults(one(change), one({})))).toEqual(expected);
});

test('both right in different ways', () => {
  const way = (is: string) => one({ verdict: 'pass', findings: [], seen: [{ step: '1', is }] });
  expect(kinds(diffResults(way('x'), way('y')))).toEqual(['a allowed']);
  expect(kinds(diffResults(way('x'), way('x')))).toEqual([]);
});

test('what only one has, either way; skipped by both for other reasons is no difference', () => {
  const both = (a: Parameters<typeof caseResults>[0], b: Parameters<typeof caseResults>[0]) =>
    kinds(diffResults({ cases: caseResults(a), standing: [] }, { cases: caseResults(b), standing: [] }));
  expect(both({ a: 'pass' }, { b: 'pass' })).toEqual(['a only', 'b only']);
  expect(both({ a: 'skip' }, { a: 'skip' })).toEqual([]);
});

test('standing checks are compared by their verdicts', () => {
  const row = { check: 'canary', requirement: 'r', severity: 'fail', violations: 0, exchanges: 1 } as const;
  const a = { cases: [], standing: [{ ...row, verdict: 'pass' as const }] };
  const b = { cases: [], standing: [{ ...row, violations: 1, exchanges: 9, verdict: 'fail' as const }] };
  expect(kinds(diffResults(a, b))).toEqual(['standing:canary verdict']);
  expect(
    kinds(diffResults(a, { cases: [], standing: [{ ...row, exchanges: 5, verdict: 'pass' as const }] })),
  ).toEqual([]);
});
