import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { rulingOfCheck, STANDING_CHECKS, type StandingCheck } from '../../src/harness/violation.js';
import { findingLines, remarkOf } from '../../src/report/finding-text.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import { type CaseResult, judgeStanding } from '../../src/run/results.js';
import { allRulings, ruledVerdict, ruleStrictly } from '../../src/run/rulings.js';
import { runOnModel } from './in-process.js';

const VERDICTS = ['pass', 'note', 'warn', 'fail'];

const entries = parse(readFileSync(join(SPEC_CASES, 'rulings.yaml'), 'utf8')) as Record<string, string>[];

test.each(entries.map((entry) => [entry.id, entry] as const))('%s is complete', (id, entry) => {
  expect(id).toMatch(/^A\d+\.[a-z]+(-[a-z]+)*$/);
  expect(Object.keys(entry)).toEqual(['id', 'about', 'clause', 'why', 'default', 'strict']);
  for (const key of ['about', 'clause', 'why']) expect(entry[key]?.length, key).toBeGreaterThan(15);
  expect(VERDICTS).toContain(entry.default);
  expect(VERDICTS.indexOf(entry.strict ?? '')).toBeGreaterThanOrEqual(VERDICTS.indexOf(entry.default ?? ''));
});

test('no ruling comes twice, and they stand in the order of their points', () => {
  expect(allRulings().size).toBe(entries.length);
  const points = entries.map(({ id }) => Number(id?.slice(1, id.indexOf('.'))));
  expect(points).toEqual(points.toSorted((a, b) => a - b));
});

test('every ruling is one that a case or a standing check counts by, or says that it only guides', () => {
  const counted = new Set(
    (Object.keys(STANDING_CHECKS) as StandingCheck[]).flatMap((check) => rulingOfCheck(check) ?? []),
  );
  const folders = readdirSync(SPEC_CASES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders)
    for (const file of readdirSync(join(SPEC_CASES, name)))
      for (const [, id] of readFileSync(join(SPEC_CASES, name, file), 'utf8').matchAll(/ruling: (A[\w.-]+)/g))
        if (id !== undefined) counted.add(id);
  const idle = entries.filter(({ id, about }) => !counted.has(id ?? '') && !/\bguides\b/.test(about ?? ''));
  expect(idle.map(({ id }) => id)).toEqual([]);
});

test('every point of the virtio standard that was found open is decided', () => {
  const decided = new Set(entries.map(({ id }) => id?.slice(0, id.indexOf('.'))));
  const range = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `A${from + index}`);
  for (const point of range(1, 43)) expect(decided).toContain(point);
});

test('standing checks name rulings that exist, and count as those say', () => {
  for (const check of Object.keys(STANDING_CHECKS) as StandingCheck[]) {
    const id = rulingOfCheck(check);
    if (id === undefined) continue;
    expect(allRulings().get(id)?.default, check).toBe(STANDING_CHECKS[check].severity);
    const row = {
      check,
      requirement: '',
      severity: STANDING_CHECKS[check].severity,
      violations: 1,
      exchanges: 1,
    };
    expect(judgeStanding([row], true)[0]?.verdict).toBe(allRulings().get(id)?.strict);
  }
});

test('--strict changes nothing for a standing check without a ruling', () => {
  const row = { check: 'no-event', requirement: '', severity: 'warn', violations: 1, exchanges: 1 } as const;
  expect(judgeStanding([row], true)[0]?.verdict).toBe('warn');
});

async function broken(): Promise<Map<string, CaseResult>> {
  const { files } = checkCaseFiles([join('test', 'run', 'fixtures', 'rulings.yaml')]);
  const { results } = await runOnModel({ seed: 1, files });
  return new Map(results.map((result) => [result.id, result]));
}

test('a broken expectation counts as the ruling says that it rests on', async () => {
  const results = await broken();
  const found = (id: string) =>
    results.get(id)?.findings.map(({ severity, ruling }) => [severity, ruling] as const);
  expect(found('ruled.read')).toEqual([
    ['note', 'A21.driver-made'],
    ['warn', 'A30.write-flag'],
    ['fail', 'A24.window'],
  ]);
  expect(found('ruled.alternative')).toEqual([['warn', 'A20.refused']]);
  expect(found('ruled.none-of-them')).toEqual([['fail', 'A28.waits-for-kick']]);
  expect(found('ruled.check')).toEqual([['warn', 'A30.write-flag']]);
  expect(found('ruled.quiet')).toEqual([['warn', 'A30.write-flag']]);
});

test('the text of a finding says what was ruled, why, by which clause and what --strict changes', async () => {
  const finding = (await broken()).get('ruled.alternative')?.findings[0];
  const ruling = allRulings().get('A20.refused');
  if (finding === undefined || ruling === undefined) throw new Error('the fixture has lost its finding');
  const text = findingLines(finding, () => undefined).join('\n');
  for (const part of [ruling.id, ruling.about, ruling.why, ruling.clause]) expect(text).toContain(part);
  expect(text).toContain('counts as warn, with --strict as fail');
  expect(remarkOf(finding)).toBe(`refused: ${ruling.about} (ruling A20.refused)`);
});

// Cannot be taken back in this thread, so it comes last.
test('with --strict the strict column counts', async () => {
  ruleStrictly();
  expect(ruledVerdict('A20.refused')).toBe('fail');
  expect((await broken()).get('ruled.alternative')?.verdict).toBe('fail');
});
