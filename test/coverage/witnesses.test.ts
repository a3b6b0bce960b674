/** What a run on a foreign device bears witness to. */
import { describe, expect, test } from 'vitest';
import { addWitness, baseIdOf, NoWitnessError, type Witnesses } from '../../src/coverage/witnesses.js';
import { type CaseResult, type RunResults, summarise, type Verdict } from '../../src/run/results.js';

const result = (id: string, verdict: Verdict): CaseResult => ({
  id,
  title: '',
  mode: 'pci.split',
  verdict,
  durationMs: 1,
  findings: [],
});

function results(name: string, version: string, cases: Record<string, Verdict>): RunResults {
  const list = Object.entries(cases).map(([id, verdict]) => result(id, verdict));
  const row = { requirement: 'r', severity: 'fail', exchanges: 5 } as const;
  return {
    schemaVersion: 1,
    suite: { version: '0', caseSetHash: '' },
    environment: { node: '', platform: '', date: '' },
    dut: { name, version, features: [], details: {} },
    seed: 1,
    interrupted: false,
    summary: summarise(list),
    standing: [
      { ...row, check: 'canary', violations: 0, verdict: 'pass' },
      { ...row, check: 'used-length', violations: 2, verdict: 'fail' },
      { ...row, check: 'sense', violations: 0, exchanges: 0, verdict: 'pass' },
    ],
    cases: list,
  };
}

const NONE: Witnesses = { schemaVersion: 1, devices: {}, cases: {}, standing: {} };

test.each([
  ['a.b', 'a.b'],
  ['a.b[x]', 'a.b'],
  ['a.b[x[1],y]', 'a.b'],
])('%s is an expansion of %s', (id, base) => {
  expect(baseIdOf(id)).toBe(base);
});

describe('a run on a foreign device', () => {
  const run = results('qemu', '7', {
    'a.passes': 'pass',
    'a.notes[1]': 'pass',
    'a.notes[2]': 'note',
    'a.half[1]': 'pass',
    'a.half[2]': 'fail',
    'a.some[1]': 'pass',
    'a.some[2]': 'skip',
    'a.skips': 'skip',
    'a.warns': 'warn',
    'a.crashes': 'crash',
  });
  const witnesses = addWitness(NONE, run);

  test('bears witness to the cases that passed as a whole', () => {
    expect(Object.keys(witnesses.cases).sort()).toEqual(['a.notes', 'a.passes', 'a.some']);
    expect(witnesses.cases['a.passes']).toEqual(['qemu 7']);
    expect(witnesses.devices).toEqual({ 'qemu 7': { name: 'qemu', version: '7' } });
  });
  test('and to the standing checks that were decided and held', () => {
    expect(witnesses.standing).toEqual({ canary: ['qemu 7'] });
  });
  test('is replaced by a later run where that decides', () => {
    const later = addWitness(witnesses, results('qemu', '7', { 'a.passes': 'fail', 'a.half[1]': 'pass' }));
    expect(Object.keys(later.cases).sort()).toEqual(['a.half', 'a.notes', 'a.some']);
  });
  test('stands beside other devices', () => {
    const both = addWitness(witnesses, results('crosvm', '1', { 'a.passes': 'pass' }));
    expect(both.cases['a.passes']).toEqual(['crosvm 1', 'qemu 7']);
    expect(both.cases['a.notes']).toEqual(['qemu 7']);
  });
  test('is not one on the model', () => {
    expect(() => addWitness(NONE, results('model', '1', { 'a.passes': 'pass' }))).toThrow(NoWitnessError);
  });
});
