import { expect, test } from 'vitest';
import { conclude, type Outcome } from '../../src/cli/conclusion.js';
import type { Change } from '../../src/run/baseline.js';
import { EMPTY_GATE, type Gate } from '../../src/run/gate.js';
import { RESULTS } from '../report/sample.js';

const ran = (gate: Partial<Gate>, changes?: readonly Change[]): Outcome => ({
  setUpFailed: false,
  ran: { results: RESULTS, gate: { ...EMPTY_GATE, ...gate }, ...(changes && { changes }) },
});
const skipped: Outcome = {
  setUpFailed: false,
  ran: { results: { ...RESULTS, summary: { ...RESULTS.summary, total: 1, skip: 1 } }, gate: EMPTY_GATE },
};
const down: Outcome = { setUpFailed: true };
const change = (kind: Change['kind'], id = 'a'): Change => ({ id, kind, before: 'pass', now: 'fail' });

test.each([
  ['nothing wrong', [ran({})], 'CONFORMANT', 0],
  ['one known', [ran({ known: ['a'], deviations: 1 })], 'CONFORMANT BUT FOR 1 KNOWN DEVIATION', 0],
  [
    'known on two devices',
    [ran({ known: ['a'], deviations: 1 }), ran({ known: ['b'], deviations: 1 })],
    'CONFORMANT BUT FOR 2 KNOWN DEVIATIONS',
    0,
  ],
  ['the worst device decides', [ran({}), ran({ unexpected: ['a'] })], 'NOT CONFORMANT', 1],
  ['a stale entry', [ran({ stale: ['a'] })], 'NOT CONFORMANT', 1],
  ['an expired entry', [ran({ expired: ['a'] })], 'NOT CONFORMANT', 1],
  ['no device', [down], 'DEVICE SET-UP FAILED', 3],
  ['red weighs more than no device', [ran({ unexpected: ['a'] }), down], 'NOT CONFORMANT', 1],
  ['all skipped', [skipped], 'NOTHING EXECUTED', 4],
  ['all skipped on one', [skipped, ran({})], 'CONFORMANT', 0],
  ['red as before', [ran({ unexpected: ['a'] }, [])], 'NOT CONFORMANT, BUT NO REGRESSION', 0],
  ['stale with a baseline', [ran({ stale: ['a'] }, [])], 'CONFORMANT', 0],
  ['worse', [ran({ unexpected: ['a'] }, [change('regression')])], 'NOT CONFORMANT: 1 REGRESSION', 1],
  [
    'worse, but known',
    [ran({ known: ['a'], deviations: 1 }, [change('regression')])],
    'CONFORMANT BUT FOR 1 KNOWN DEVIATION',
    0,
  ],
  ['fixed', [ran({}, [change('fixed')])], 'CONFORMANT', 0],
] as const)('%s', (_, outcomes, text, code) => {
  expect(conclude(outcomes, false, false)).toEqual({ text, code, good: code === 0 });
});

test('an interrupt weighs more than anything, a report that cannot be written less', () => {
  expect(conclude([ran({ unexpected: ['a'] })], true, true).code).toBe(130);
  expect(conclude([ran({ unexpected: ['a'] })], false, true).code).toBe(1);
  expect(conclude([ran({})], false, true)).toEqual({ text: 'CONFORMANT', good: false, code: 5 });
});
