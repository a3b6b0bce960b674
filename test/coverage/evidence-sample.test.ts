/** The stored evidence is what a run gives: a sample of the mutants, run again. */
import { expect, test } from 'vitest';
import { runOnModel } from '../../src/coverage/model-run.js';
import { judgeMutant, readEvidence } from '../../src/coverage/mutation-evidence.js';
import { Beacon } from '../../src/run/beacon.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';

/** Every so-manieth of the mutants that something notices. */
const SAMPLE = 6;

const evidence = readEvidence();
const { files } = checkCaseFiles([SPEC_CASES]);
const baseline = await runOnModel({ files, beacon: new Beacon() });
const noticed = Object.entries(evidence.mutants)
  .filter(([, { verdict }]) => verdict === 'caught' || verdict === 'standing')
  .map(([id]) => id)
  .sort();
const step = Math.max(1, Math.floor(noticed.length / SAMPLE));

test('there is evidence', () => {
  expect(noticed.length).toBeGreaterThan(SAMPLE);
  expect(baseline.unusable).toBeUndefined();
});

test.each(noticed.filter((_, i) => i % step === 0))(
  '%s does what fixtures/evidence/mutants.json says',
  async (id) => {
    const found = judgeMutant(id, await runOnModel({ files, beacon: new Beacon(), mutant: id }), baseline);
    // Cases that came after the evidence are the business of `vscsi coverage --check`.
    const known = (base: string) => evidence.cases[base] !== undefined;
    const hint = 'if the change is meant: npm run mutate -- --write';
    expect(found.proves.filter(known).sort(), hint).toEqual(
      Object.entries(evidence.cases).flatMap(([base, mutants]) => (mutants.includes(id) ? [base] : [])),
    );
    expect([...found.violated].sort(), hint).toEqual(
      Object.entries(evidence.standing).flatMap(([check, mutants]) => (mutants.includes(id) ? [check] : [])),
    );
  },
);
