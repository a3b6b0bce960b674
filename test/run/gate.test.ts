/** The rules of the gate, each both ways. */
import { describe, expect, test } from 'vitest';
import { EMPTY_GATE, gate } from '../../src/run/gate.js';
import { heldBack, type KnownDeviation, type KnownList } from '../../src/run/known.js';
import { judgeStanding, type RunResults, summarise, type Verdict } from '../../src/run/results.js';
import { caseResults } from './case-results.js';

function results(
  verdicts: Readonly<Record<string, Verdict>>,
  usedLengthViolations = 0,
  version = '7.2.22',
): RunResults {
  const cases = caseResults(verdicts);
  return {
    schemaVersion: 1,
    suite: { version: '0', caseSetHash: '' },
    environment: { node: '', platform: '', date: '' },
    dut: { name: 'qemu', version, features: [], details: {} },
    seed: 1,
    strict: false,
    spec: '1.4',
    interrupted: false,
    summary: summarise(cases),
    standing: judgeStanding([
      {
        check: 'used-length',
        requirement: 'r',
        severity: 'fail',
        violations: usedLengthViolations,
        exchanges: 9,
      },
      { check: 'used-length-gap', requirement: 'r', severity: 'warn', violations: 9, exchanges: 9 },
    ]),
    cases,
  };
}

const list = (...ids: string[]): KnownList => ({
  file: 'known.yaml',
  dut: 'qemu',
  deviations: ids.map((id) => ({ id, from: '7.2.0', to: '7.2.99', reason: 'r', clause: 'c', observed: 'o' })),
});

const TODAY = '2027-03-31';
const judged = (of: RunResults, known: KnownList | undefined, complete: boolean) =>
  gate(of, known, complete, TODAY);
/** A list of one entry, which says more. */
const listed = (more: Partial<KnownDeviation>): KnownList => ({
  ...list(),
  deviations: list('a').deviations.map((deviation) => ({ ...deviation, ...more })),
});

describe('the gate', () => {
  test('a red case that nobody listed is unexpected, whatever its kind of red', () => {
    for (const verdict of ['fail', 'crash', 'hang', 'error'] as const)
      expect(
        judged(results({ a: verdict, b: 'pass', c: 'warn', d: 'note', e: 'skip' }), undefined, true),
      ).toEqual({ ...EMPTY_GATE, unexpected: ['a'] });
  });

  test('a listed one is known, and so is a listed standing row; a warning row needs no list', () => {
    expect(judged(results({ a: 'fail' }, 3), list('a', 'standing:used-length'), true)).toEqual({
      ...EMPTY_GATE,
      known: ['a', 'standing:used-length'],
      deviations: 2,
    });
  });

  test('a listed one that passes is stale', () => {
    expect(judged(results({ a: 'pass' }), list('a', 'standing:used-length'), true).stale).toEqual([
      'a',
      'standing:used-length',
    ]);
  });

  test('what passes unexpectedly is told from what is not there', () => {
    expect(judged(results({ b: 'pass' }), list('b', 'c'), true)).toMatchObject({
      stale: ['b', 'c'],
      passed: ['b'],
    });
  });

  test('an entry that says how a case is red explains it only so', () => {
    expect(judged(results({ a: 'hang' }), listed({ verdict: 'hang' }), true)).toMatchObject({
      ...{ known: ['a'], deviations: 1, unexpected: [], differs: [], stale: [] },
    });
    expect(judged(results({ a: 'crash' }), listed({ verdict: 'hang' }), true)).toMatchObject({
      ...{ known: [], deviations: 0, unexpected: ['a'], stale: [] },
      differs: [{ id: 'a', expected: 'hang', got: 'crash' }],
    });
  });

  test('an entry that says what bytes are found explains no others', () => {
    const found = (gotBytes: string | undefined): RunResults => ({
      ...results({}),
      cases: caseResults({ a: 'fail' }).map((result) => ({
        ...result,
        findings: [
          {
            ...{ step: '1', check: 'data_in', requirements: [], severity: 'fail', expected: '', got: '' },
            ...(gotBytes !== undefined && { gotBytes }),
          },
        ],
      })),
    });
    expect(judged(found('0102'), listed({ bytes: '0102' }), true)).toMatchObject({
      known: ['a'],
      differs: [],
    });
    expect(judged(found('0103'), listed({ bytes: '0102' }), true)).toMatchObject({
      unexpected: ['a'],
      differs: [{ id: 'a', expected: 'the bytes 0102', got: 'fail with the bytes 0103' }],
    });
    expect(judged(found(undefined), listed({ verdict: 'fail', bytes: '0102' }), true).differs).toEqual([
      { id: 'a', expected: 'fail with the bytes 0102', got: 'fail without bytes' },
    ]);
  });

  test('an entry counts up to its date, and explains nothing from the next day on', () => {
    expect(judged(results({ a: 'fail' }), listed({ expires: TODAY }), true)).toMatchObject({
      ...{ known: ['a'], unexpected: [], expired: [] },
    });
    expect(judged(results({ a: 'fail' }), listed({ expires: '2027-03-30' }), true)).toMatchObject({
      ...{ known: [], unexpected: ['a'], differs: [], expired: ['a (2027-03-30)'], stale: [] },
    });
    // What has been mended has not expired.
    expect(judged(results({ a: 'pass' }), listed({ expires: '2027-03-30' }), true)).toMatchObject({
      ...{ expired: [], stale: ['a'], passed: ['a'] },
    });
  });

  test('what is held back by an entry that has expired is not let pass', () => {
    const held: RunResults = {
      ...results({}),
      cases: caseResults({ a: 'skip' }).map((result) => ({
        ...result,
        skip: { kind: 'known-fatal', evidence: 'r' },
      })),
    };
    expect(judged(held, listed({ fatal: true, expires: TODAY }), true).expired).toEqual([]);
    expect(judged(held, listed({ fatal: true, expires: '2000-01-01' }), true).expired).toEqual([
      'a (2000-01-01)',
    ]);
  });

  test('what is red but sometimes is told apart, whichever way it went', () => {
    expect(judged(results({ a: 'fail' }), listed({ sometimes: true }), true).flaky).toEqual([
      { id: 'a', red: true },
    ]);
    expect(judged(results({ a: 'pass' }), listed({ sometimes: true }), true).flaky).toEqual([
      { id: 'a', red: false },
    ]);
    expect(judged(results({ a: 'skip' }), listed({ sometimes: true }), true).flaky).toEqual([]);
    expect(judged(results({ a: 'fail' }), listed({}), true).flaky).toEqual([]);
  });

  test('a listed one that no case is called is stale in a complete run, and nobody minds in a selection', () => {
    expect(judged(results({ b: 'pass' }), list('a'), true).stale).toEqual(['a']);
    expect(judged(results({ b: 'pass' }), list('a'), false).stale).toEqual([]);
  });

  test('the expansions of a case that was skipped as a whole are not missed', () => {
    expect(judged(results({ a: 'skip' }), list('a[1]', 'b[1]'), true).stale).toEqual(['b[1]']);
  });

  test('an entry about modes in which its case did not run is not missed, for its expansions may differ there', () => {
    const about = (id: string, mode: string): KnownList => ({
      ...list(),
      deviations: list(id).deviations.map((deviation) => ({ ...deviation, modes: [mode] })),
    });
    const ran = results({ 'a[256]': 'pass' });
    expect(judged(ran, about('a[1024]', 'mmio.*'), true).stale).toEqual([]);
    expect(judged(ran, about('a[1024]', 'pci.*'), true).stale).toEqual(['a[1024]']);
    expect(judged(ran, about('misnamed', 'mmio.*'), true).stale).toEqual(['misnamed']);
  });

  test('an entry may be about some modes: it explains nothing in others, and is stale where it passes in all of its own', () => {
    const known = list('a');
    const packed: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, modes: ['pci.packed*'] })),
    };
    const inModes = (...verdicts: readonly (readonly [string, Verdict])[]): RunResults => ({
      ...results({}),
      cases: verdicts.map(([mode, verdict]) => ({
        id: 'a',
        title: '',
        mode,
        verdict,
        durationMs: 0,
        findings: [],
      })),
    });
    expect(judged(inModes(['pci.split', 'pass'], ['pci.packed', 'fail']), packed, true)).toMatchObject({
      known: ['a in pci.packed'],
      deviations: 1,
      unexpected: [],
      stale: [],
    });
    expect(
      judged(
        inModes(['pci.split', 'fail'], ['pci.packed', 'fail'], ['pci.packed+indirect', 'pass']),
        packed,
        true,
      ),
    ).toMatchObject({ known: ['a in pci.packed'], unexpected: ['a'], stale: [] });
    expect(judged(inModes(['pci.packed', 'pass']), packed, true).stale).toEqual(['a']);
    expect(judged(inModes(['pci.split', 'pass']), packed, true).stale).toEqual([]);
  });

  test('what depends on timing explains a red result, and is not stale where there is none', () => {
    const known = list('a');
    const sometimes: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, sometimes: true })),
    };
    expect(judged(results({ a: 'fail' }), sometimes, true)).toMatchObject({ known: ['a'], stale: [] });
    expect(judged(results({ a: 'pass' }), sometimes, true)).toMatchObject({ known: [], stale: [] });
    expect(judged(results({ b: 'pass' }), sometimes, true).stale).toEqual(['a']);
  });

  test('what is held back as fatal counts as a deviation, and is not stale', () => {
    const known = list('a');
    const fatal: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, fatal: true })),
    };
    const held: RunResults = {
      ...results({}),
      cases: [
        {
          id: 'a',
          title: '',
          mode: 'pci.split',
          verdict: 'skip',
          skip: { kind: 'known-fatal', evidence: 'r' },
          durationMs: 0,
          findings: [],
        },
      ],
    };
    expect(judged(held, fatal, true)).toMatchObject({ known: [], deviations: 1, unexpected: [], stale: [] });
    expect(heldBack(fatal, '7.2.22').map(({ id }) => id)).toEqual(['a']);
    expect(heldBack(fatal, '8.0.0')).toEqual([]);
  });

  test('a list claims nothing for other versions, and that is said', () => {
    expect(judged(results({ a: 'fail' }, 0, '8.0.1'), list('a'), true)).toEqual({
      ...EMPTY_GATE,
      unexpected: ['a'],
      remarks: ['known.yaml lists no deviation for qemu 8.0.1'],
    });
  });
});
