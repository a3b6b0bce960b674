/** Judging what mutants do to cases, from hand-made runs. */
import { describe, expect, test } from 'vitest';
import { EQUIVALENT_MUTANTS } from '../../src/coverage/equivalent-mutants.js';
import type { ModelRun } from '../../src/coverage/model-run.js';
import {
  type Evidence,
  equivalents,
  evidenceText,
  gatherEvidence,
  judgeMutant,
  provingLimit,
  survivors,
  unprovedCases,
  unprovedChecks,
  wronglyNoticed,
} from '../../src/coverage/mutation-evidence.js';
import { isOwn, type Reaction, reactionOf } from '../../src/coverage/own-findings.js';
import { baseIdOf } from '../../src/coverage/witnesses.js';
import { mutantById } from '../../src/model/mutants/index.js';
import type { CaseResult, Finding, Verdict } from '../../src/run/results.js';

const finding = (more: Partial<Finding> = {}): Finding => ({
  step: '2',
  check: 'response',
  requirements: [],
  severity: 'fail',
  expected: 'e',
  got: 'g',
  ...more,
});

describe('own findings', () => {
  test.each<[string, Partial<Finding>, boolean]>([
    ['a broken expectation', {}, true],
    ['one in a round of a repeat', { step: '3.2.1' }, true],
    ['one that is worth a warning', { severity: 'warn' }, true],
    ['an alternative that counts as a fail', { check: 'alternative' }, true],
    ['a note', { severity: 'note' }, false],
    ['an expectation that nobody wrote', { check: 'response (in set-up)' }, false],
    ['set-up', { step: 'set-up' }, false],
    ['liveness', { step: 'liveness' }, false],
    ['clean-up', { step: 'clean-up' }, false],
    ['a driver in trouble', { check: 'driver' }, false],
    ['a case that cannot be carried out', { check: 'case', severity: 'error' }, false],
    ['a crash', { severity: 'crash' }, false],
  ])('%s: %j is own: %s', (_, more, own) => {
    expect(isOwn(finding(more))).toBe(own);
  });

  test.each<[Verdict, readonly Finding[], Reaction]>([
    ['pass', [], 'none'],
    ['note', [finding({ severity: 'note' })], 'none'],
    ['warn', [finding({ severity: 'warn' })], 'own'],
    ['fail', [finding({ check: 'driver' }), finding()], 'own'],
    ['fail', [finding({ step: 'set-up' })], 'other'],
    ['hang', [], 'other'],
    ['skip', [], 'skip'],
  ])('%s with %j is %s', (verdict, findings, reaction) => {
    const result: CaseResult = { id: '', title: '', mode: '', verdict, durationMs: 0, findings };
    expect(reactionOf(result)).toBe(reaction);
  });
});

function run(reactions: Record<string, Reaction>, more: Partial<ModelRun> = {}): ModelRun {
  const cases = Object.entries(reactions).map(([id, reaction]) => ({ id, baseId: baseIdOf(id), reaction }));
  return { cases, violated: [], ...more };
}

const green = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`c.${i}`, 'none' as Reaction]));
const baseline = run({ ...green(200), 'c.red': 'own', 'c.skipped': 'skip' });

test('a mutant may break one case in twenty, and a few where there are few', () => {
  expect([1, 20, 60, 80, 1000].map(provingLimit)).toEqual([3, 3, 3, 4, 50]);
});

const few: Record<string, Reaction> = { 'c.1': 'own', 'c.2': 'other' };
const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`c.${i}`, 'own' as Reaction]));
test.each<[string, ModelRun, string, readonly string[]]>([
  ['a few cases', run({ ...green(200), ...few }), 'caught', ['c.1']],
  ['a few cases and a standing check', run(few, { violated: ['canary'] }), 'caught', ['c.1']],
  ['a standing check', run(green(200), { violated: ['canary'] }), 'standing', []],
  ['many cases', run({ ...green(200), ...many }), 'spoils', []],
  ['only what is around the cases', run({ 'c.2': 'other' }), 'set-up', []],
  ['the device', run({}, { unusable: 'no answer' }), 'unusable', []],
  ['nothing', run(green(200)), 'survived', []],
  ['only a case that is red without it, too', run({ 'c.red': 'own' }), 'survived', []],
])('a mutant that breaks %s', (_, mutated, verdict, proves) => {
  expect(judgeMutant('m', mutated, baseline)).toMatchObject({ verdict, proves });
});

test('of a mutant of which a sample was run, that decides whether it spoils', () => {
  const sample = new Set(Array.from({ length: 60 }, (_, i) => `c.${i}`));
  const broken = (ids: readonly number[]) =>
    run(Object.fromEntries(ids.map((i) => [`c.${i}`, 'own' as Reaction])));
  const judged = (ids: readonly number[]) => judgeMutant('m', broken(ids), baseline, sample);
  expect(judged([1, 2, 3, 4])).toMatchObject({ verdict: 'spoils', proves: [], sample: 60 });
  const about = Array.from({ length: 40 }, (_, i) => 100 + i);
  expect(judged([1, 2, 3, ...about])).toMatchObject({ verdict: 'caught', own: 43, sample: 60 });
});

test('expansions count once, by the worst of them', () => {
  const before = run({ 'c.a[1]': 'none', 'c.a[2]': 'skip', 'c.b[1]': 'none', 'c.b[2]': 'other' });
  const after = run({ 'c.a[1]': 'own', 'c.a[2]': 'skip', 'c.b[1]': 'own', 'c.b[2]': 'other' });
  // c.b is not green before, so that nothing can be said of it.
  expect(judgeMutant('m', after, before)).toMatchObject({
    own: 1,
    other: 0,
    ownCases: ['c.a[1]'],
    proves: ['c.a'],
  });
});

test('the evidence, and what is missing in it', () => {
  const small = run({ 'c.a': 'none', 'c.b': 'none', 'c.skipped': 'skip', 'c.red': 'own' });
  const evidence = gatherEvidence(
    7,
    small,
    [
      judgeMutant('m.z', run({ 'c.a': 'own' }), small),
      judgeMutant('m.y', run({ 'c.a': 'own' }, { violated: ['sense'] }), small),
      judgeMutant('m.x', run({}), small),
    ],
    ['sense', 'canary'],
  );
  expect(evidence).toEqual({
    schemaVersion: 1,
    seed: 7,
    cases: { 'c.a': ['m.y', 'm.z'], 'c.b': [] },
    skipped: ['c.skipped'],
    red: ['c.red'],
    standing: { sense: ['m.y'], canary: [] },
    mutants: {
      'm.z': { verdict: 'caught', own: 1, other: 0 },
      'm.y': { verdict: 'caught', own: 1, other: 0 },
      'm.x': { verdict: 'survived', own: 0, other: 0 },
    },
  });
  expect(unprovedCases(evidence)).toEqual(['c.b']);
  expect(unprovedChecks(evidence)).toEqual(['canary']);
  expect(survivors(evidence)).toEqual(['m.x']);
  expect(equivalents(evidence)).toEqual([]);
  expect(wronglyNoticed(evidence)).toEqual([]);
  expect(JSON.parse(evidenceText(evidence))).toEqual(evidence);
  expect(evidenceText(evidence)).toContain(
    '  "mutants": {\n    "m.x": {"other":0,"own":0,"verdict":"survived"},\n    "m.y"',
  );
});

describe('mutants that are equivalent to a conformant device', () => {
  const survived = { verdict: 'survived', own: 0, other: 0 } as const;
  const [first = '', second = ''] = EQUIVALENT_MUTANTS.keys();
  const evidence: Evidence = {
    schemaVersion: 1,
    seed: 1,
    cases: {},
    skipped: [],
    red: [],
    standing: {},
    mutants: { [first]: survived, [second]: { verdict: 'caught', own: 1, other: 0 }, 'm.x': survived },
  };
  test('are no survivors, and are not to be noticed', () => {
    expect(survivors(evidence)).toEqual(['m.x']);
    expect(equivalents(evidence)).toEqual([first]);
    expect(wronglyNoticed(evidence)).toEqual([second]);
  });
  test('are mutants, each with a reason', () => {
    for (const [id, reason] of EQUIVALENT_MUTANTS) {
      expect(mutantById(id)?.id).toBe(id);
      expect(reason.length).toBeGreaterThan(20);
    }
  });
});
