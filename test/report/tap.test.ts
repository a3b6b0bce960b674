import { Parser } from 'tap-parser';
import { expect, test } from 'vitest';
import { tapResults } from '../../src/report/read-tap.js';
import { tapText } from '../../src/report/tap.js';
import { GATE, RESULTS } from './sample.js';

/** What a TAP parser makes of a text: its test points, and what it could not read. */
function parsed(text: string) {
  const points: { ok: boolean; name: string; todo: unknown; skip: unknown; diag: unknown }[] = [];
  const extra: string[] = [];
  let version: number | undefined;
  const parser = new Parser((final) => {
    summary = final;
  });
  let summary: unknown;
  parser.on('assert', ({ ok, name, todo, skip, diag }) => points.push({ ok, name, todo, skip, diag }));
  parser.on('extra', (line: string) => extra.push(line));
  parser.on('version', (number: number) => {
    version = number;
  });
  parser.end(text);
  return { points, extra, version, summary };
}

test('a TAP parser finds every case and row, with what is known as TODO and reasons for skips', () => {
  const { points, extra, version, summary } = parsed(tapText(RESULTS, GATE));
  expect(version).toBe(14);
  expect(extra).toEqual([]);
  expect(summary).toMatchObject({
    count: 8,
    plan: { start: 1, end: 8 },
    bailout: false,
    failures: expect.anything(),
  });
  expect(points.map(({ ok, name, todo, skip }) => ({ ok, name, todo, skip }))).toEqual([
    { ok: true, name: 'a.pass', todo: false, skip: false },
    { ok: false, name: 'a.fail[#1, x]', todo: false, skip: false },
    { ok: false, name: 'a.known', todo: 'known deviation', skip: false },
    { ok: true, name: 'a.skip', todo: false, skip: 'not-offered: tape is not bound' },
    { ok: false, name: 'a.crash', todo: false, skip: false },
    { ok: false, name: 'standing:used-length', todo: 'known deviation', skip: false },
    { ok: true, name: 'standing:canary', todo: false, skip: false },
    { ok: false, name: 'listed as known and not red: a.gone', todo: false, skip: false },
  ]);
  expect(points[1]?.diag).toMatchObject({
    verdict: 'fail',
    title: 'Fails: # is no directive',
    findings: [{ step: '2', expectedBytes: '0102', gotBytes: '01ff', sent: '00' }],
  });
  expect(points[4]?.diag).toMatchObject({ findings: [{ got: 'exit code 1; it said:\nmore\n' }] });
});

test('an entry that has expired is a failure of its own, and no result when it is read again', () => {
  const text = tapText(RESULTS, { ...GATE, expired: ['a.old (2026-01-01)'] });
  expect(parsed(text).points.at(-1)).toMatchObject({
    ok: false,
    todo: false,
    name: 'listed as known up to a date that is past: a.old (2026-01-01)',
  });
  expect(tapResults(text).cases).toHaveLength(RESULTS.cases.length);
});

test('an interrupted run bails out', () => {
  expect(parsed(tapText({ ...RESULTS, interrupted: true }, GATE)).summary).toMatchObject({
    bailout: 'the run was interrupted',
  });
});
