/**
 * Witnesses: devices that are not ours and on which a case passed. Model and harness come from one hand, and one
 * mistake could sit in both; a foreign device that gives the same answers says that it does not.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { RunResults } from '../run/results.js';
import { WITNESSES_FILE } from './evidence-files.js';
import { byText, stableJson } from './stable-json.js';

/** The contents of `fixtures/evidence/witnesses.json`. */
export interface Witnesses {
  readonly schemaVersion: 1;
  /** Name and version of each device by the name that is used below. */
  readonly devices: Readonly<Record<string, { readonly name: string; readonly version: string }>>;
  /** Of each case, by its id as written: the devices on which it passed. */
  readonly cases: Readonly<Record<string, readonly string[]>>;
  /** Of each standing check: the devices on which it was decided and never violated. */
  readonly standing: Readonly<Record<string, readonly string[]>>;
}

const NONE: Witnesses = { schemaVersion: 1, devices: {}, cases: {}, standing: {} };

/** An expanded id without the values of its axes. */
export const baseIdOf = (id: string): string => id.replace(/\[.*$/s, '');

/** The results of a device that cannot be a witness. */
export class NoWitnessError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoWitnessError';
  }
}

/** Passed or not, by case: an expansion that was skipped says nothing, one that did not pass decides. */
function outcomes({ cases }: RunResults): ReadonlyMap<string, boolean> {
  const out = new Map<string, boolean>();
  for (const { id, verdict } of cases) {
    if (verdict === 'skip') continue;
    const base = baseIdOf(id);
    out.set(base, (out.get(base) ?? true) && (verdict === 'pass' || verdict === 'note'));
  }
  return out;
}

type ByName = Readonly<Record<string, readonly string[]>>;

/** Enters or removes a device wherever these results decide; what they do not mention stays as it was. */
function merged(before: ByName, decided: ReadonlyMap<string, boolean>, device: string): ByName {
  const out = new Map<string, readonly string[]>(Object.entries(before));
  for (const [name, passed] of decided) {
    const others = (out.get(name) ?? []).filter((other) => other !== device);
    out.set(name, passed ? [...others, device].sort(byText) : others);
  }
  return Object.fromEntries([...out].filter(([, devices]) => devices.length > 0));
}

/** Adds what a run on a foreign device showed. Throws NoWitnessError for the model. */
export function addWitness(before: Witnesses, results: RunResults): Witnesses {
  const { name, version } = results.dut;
  if (name === 'model')
    throw new NoWitnessError('the model is no witness: it is made by the same hand as the cases');
  const device = `${name} ${version}`;
  const checks = results.standing
    .filter(({ exchanges }) => exchanges > 0)
    .map(({ check, violations }) => [check, violations === 0] as const);
  return {
    schemaVersion: 1,
    devices: { ...before.devices, [device]: { name, version } },
    cases: merged(before.cases, outcomes(results), device),
    standing: merged(before.standing, new Map(checks), device),
  };
}

export function readWitnesses(file: string = WITNESSES_FILE): Witnesses {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Witnesses) : NONE;
}

export function writeWitnesses(witnesses: Witnesses, file: string = WITNESSES_FILE): void {
  writeFileSync(file, stableJson(witnesses));
}
