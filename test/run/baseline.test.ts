import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Baseline, compareWithBaseline, loadBaseline } from '../../src/run/baseline.js';
import type { Verdict } from '../../src/run/results.js';
import { caseResults } from './case-results.js';

const baseline = (verdicts: Readonly<Record<string, Verdict>>): Baseline => ({
  file: 'old.json',
  dut: 'qemu',
  verdicts: new Map(Object.entries(verdicts)),
});
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
  const changes = compareWithBaseline(results({ a: now }), baseline(before ? { a: before } : {}), true);
  expect(changes).toEqual([{ id: 'a', before, now, kind }]);
});

test('what stays as it was is no change', () => {
  expect(
    compareWithBaseline(results({ a: 'fail', b: 'pass' }), baseline({ a: 'fail', b: 'pass' }), true),
  ).toEqual([]);
});

test('what is missing is gone in a complete run, and not looked for in a selection', () => {
  const gone = [{ id: 'b', before: 'pass', now: undefined, kind: 'gone' }];
  expect(compareWithBaseline(results({ a: 'pass' }), baseline({ a: 'pass', b: 'pass' }), true)).toEqual(gone);
  expect(compareWithBaseline(results({ a: 'pass' }), baseline({ a: 'pass', b: 'pass' }), false)).toEqual([]);
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-baseline-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('cases and standing rows are read', () => {
  const file = join(folder, 'old.json');
  const cases = [{ id: 'a', verdict: 'fail' }];
  const standing = [{ check: 'canary', verdict: 'pass' }];
  writeFileSync(file, JSON.stringify({ schemaVersion: 1, dut: { name: 'qemu' }, cases, standing }));
  expect(loadBaseline(file)).toEqual({
    file,
    dut: 'qemu',
    verdicts: new Map([
      ['a', 'fail'],
      ['standing:canary', 'pass'],
    ]),
  });
});

test.each([
  ['{', /old\.json: .*JSON.*; expected the JSON of an earlier run/],
  ['{"schemaVersion": 2}', /schemaVersion is 2, not 1/],
  ['null', /schemaVersion is missing, not 1/],
  ['{"schemaVersion": 1, "cases": []}', /dut, cases or standing are missing/],
  [
    '{"schemaVersion": 1, "dut": {"name": "q"}, "cases": [{"id": "a", "verdict": "?"}], "standing": []}',
    /"a" has no verdict/,
  ],
])('%s is refused', (text, message) => {
  const file = join(folder, 'old.json');
  writeFileSync(file, text);
  expect(() => loadBaseline(file)).toThrow(message);
});
