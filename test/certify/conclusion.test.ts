import { expect, test } from 'vitest';
import { conclude } from '../../src/certify/conclusion.js';
import type { CaseResult, RunResults, SkipKind } from '../../src/run/results.js';
import { RESULTS } from '../report/sample.js';
import { FACTS, PLAYLIST, results } from './sample.js';

const [PASS] = results().cases;
if (PASS === undefined) throw new Error('no case');
const skipped = (kind: SkipKind): CaseResult => ({
  ...PASS,
  verdict: 'skip',
  skip: { kind, evidence: 'so it is' },
});
const verdictOf = (one: CaseResult, change: Partial<RunResults> = {}) =>
  conclude({ ...results(), cases: [one, ...results().cases.slice(1)], ...change }, PLAYLIST, FACTS);

test('all passes', () => {
  expect(verdictOf(PASS)).toMatchObject({ verdict: 'CONFORMANT', untested: [], skipped: [] });
});

test.each(['warn', 'note'] as const)('%s does not count', (verdict) => {
  expect(verdictOf({ ...PASS, verdict }).verdict).toBe('CONFORMANT');
});

test.each(['fail', 'crash', 'hang'] as const)('%s', (verdict) => {
  expect(verdictOf({ ...PASS, verdict })).toMatchObject({
    verdict: 'NOT CONFORMANT',
    failed: [{ id: 'a.one' }],
  });
});

test('a standing check that is broken', () => {
  expect(verdictOf(PASS, { standing: RESULTS.standing }).verdict).toBe('NOT CONFORMANT');
});

test.each(['no-control', 'no-layer', 'not-consented', 'known-fatal'] as const)(
  'a mandatory requirement that is skipped as %s',
  (kind) => {
    const conclusion = verdictOf(skipped(kind));
    expect(conclusion.verdict).toBe('INCOMPLETE');
    expect(conclusion.untested).toEqual([{ requirement: 'must.one', reasons: [`${kind}: so it is`] }]);
  },
);

test.each(['not-offered', 'excluded-mode'] as const)('what is %s is not demanded', (kind) => {
  expect(verdictOf(skipped(kind))).toMatchObject({
    verdict: 'CONFORMANT',
    skipped: [{ reason: `${kind}: so it is`, count: 1 }],
  });
});

test('what is only recommended may be left out, and so may what another case looks at', () => {
  const none = { ...FACTS, isMandatory: () => false };
  const cases = [skipped('no-control'), ...results().cases.slice(1)];
  expect(conclude({ ...results(), cases }, PLAYLIST, none).verdict).toBe('CONFORMANT');
  const shared = { ...FACTS, covers: new Map([...FACTS.covers, ['a.two', ['must.one']]]) };
  expect(conclude({ ...results(), cases }, PLAYLIST, shared).verdict).toBe('CONFORMANT');
});

test('an error of the suite, a case without a result, an interruption', () => {
  expect(verdictOf({ ...PASS, verdict: 'error' }).verdict).toBe('INCOMPLETE');
  expect(verdictOf({ ...PASS, id: 'a.other' })).toMatchObject({ verdict: 'INCOMPLETE', missing: ['a.one'] });
  expect(verdictOf(PASS, { interrupted: true }).verdict).toBe('INCOMPLETE');
});

test('a failure weighs more than what is missing', () => {
  const two = { ...PASS, id: 'a.two', verdict: 'fail' } as const;
  expect(conclude({ ...results(), cases: [skipped('no-layer'), two] }, PLAYLIST, FACTS).verdict).toBe(
    'NOT CONFORMANT',
  );
});
