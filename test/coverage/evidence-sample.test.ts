/** The stored evidence is what a run gives: a sample of the mutants, run again. */
import { expect, test } from 'vitest';
import { runOnModel } from '../../src/coverage/model-run.js';
import {
  judgeMutant,
  readEvidence,
  survivors,
  wronglyNoticed,
} from '../../src/coverage/mutation-evidence.js';
import { baseIdOf } from '../../src/coverage/witnesses.js';
import { mutantById } from '../../src/model/mutants/index.js';
import { Beacon } from '../../src/run/beacon.js';
import { ownCases } from '../../src/run/load-cases.js';

/** About so many mutants, taken evenly from those that something notices. */
const MUTANTS = 6;
/** Of the cases that a mutant does not concern, one in so many is run with it. */
const BYSTANDERS = 10;

const evidence = readEvidence();
const { files } = ownCases();
const proving = (table: Readonly<Record<string, readonly string[]>>, mutant: string) =>
  Object.entries(table).flatMap(([name, mutants]) => (mutants.includes(mutant) ? [name] : []));

const noticed = Object.entries(evidence.mutants)
  .filter(([, { verdict }]) => verdict === 'caught' || verdict === 'standing')
  .map(([id]) => id)
  .sort();
const step = Math.max(1, Math.floor(noticed.length / MUTANTS));

test('there is evidence', () => {
  expect(noticed.length).toBeGreaterThan(MUTANTS);
});

test('the evidence has no mutant that survives, nor one that is noticed though it may be conformant', () => {
  expect(survivors(evidence)).toEqual([]);
  expect(wronglyNoticed(evidence)).toEqual([]);
});

test.each(noticed.filter((_, i) => i % step === 0))(
  '%s does what fixtures/evidence/mutants.json says',
  async (mutant) => {
    const proved = proving(evidence.cases, mutant);
    // Only cases that the evidence knows: those that came after it are the business of `vscsi coverage --check`.
    const bystanders = Object.keys(evidence.cases).filter((_, i) => i % BYSTANDERS === 0);
    const chosen = new Set([...proved, ...bystanders]);
    const wanted = ({ baseId }: { readonly baseId: string }) => chosen.has(baseId);
    const baseline = await runOnModel({ files, wanted, beacon: new Beacon() });
    const run = await runOnModel({
      files,
      wanted,
      beacon: new Beacon(),
      change: (its) => mutantById(mutant)?.apply(its),
    });
    const { ownCases, violated } = judgeMutant(mutant, run, baseline);
    const hint = 'if the change is meant: npm run mutate -- --write';
    const broken = [...new Set(ownCases.map(baseIdOf))].sort();
    // Of a mutant of which only a sample was run, nobody knows what it does to the other cases.
    const isSampled = evidence.mutants[mutant]?.sample !== undefined;
    expect(isSampled ? broken.filter((id) => proved.includes(id)) : broken, hint).toEqual([...proved].sort());
    // With fewer cases fewer standing checks come to bear.
    for (const check of violated) expect(proving(evidence.standing, mutant), hint).toContain(check);
  },
);
