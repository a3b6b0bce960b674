/** What the mutants prove: which cases can fail, and which deviations nobody notices. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { EQUIVALENT_MUTANTS } from './equivalent-mutants.js';
import { MUTANTS_FILE } from './evidence-files.js';
import type { ModelRun } from './model-run.js';
import type { Reaction } from './own-findings.js';
import { byText, stableJson } from './stable-json.js';

/** What became of a mutant. */
export type MutantVerdict =
  /** Expectations of a few cases are broken: each of these cases is proved. */
  | 'caught'
  /** No case's own expectation, but a standing check is violated. */
  | 'standing'
  /** It breaks so many cases that none of them is proved by it. */
  | 'spoils'
  /** Cases go wrong, none of them by an expectation of its own. */
  | 'set-up'
  /** The driver cannot bring the device up. */
  | 'unusable'
  /** Nobody notices. */
  | 'survived';

export interface MutantEvidence {
  readonly verdict: MutantVerdict;
  /** How many cases it breaks by their own expectations, and how many in another way only; of `spoils`, at least. */
  readonly own: number;
  readonly other: number;
  /** Of how many cases as written a sample was run, where that is less than what it touches. */
  readonly sample?: number;
}

/** The contents of `fixtures/evidence/mutants.json`. */
export interface Evidence {
  readonly schemaVersion: 1;
  readonly seed: number;
  /** Of each case that runs on the model and passes there: the mutants that prove it. */
  readonly cases: Readonly<Record<string, readonly string[]>>;
  /** Cases that do not run on the model: nothing there can prove them. */
  readonly skipped: readonly string[];
  /** Cases that do not pass on the model, which is wrong in itself. */
  readonly red: readonly string[];
  /** Of each standing check: the mutants that violate it. */
  readonly standing: Readonly<Record<string, readonly string[]>>;
  readonly mutants: Readonly<Record<string, MutantEvidence>>;
}

/** A mutant that breaks more than this part of the cases that run says nothing about any one of them ... */
const SPOILT_PART = 0.05;
/** ... but where there are few cases, breaking so many is no reason to distrust it. */
const NEVER_SPOILT = 3;

/** How many cases a mutant may break and still prove them. */
export const provingLimit = (executed: number): number =>
  Math.max(NEVER_SPOILT, Math.floor(executed * SPOILT_PART));

/** What one mutant did to the cases that pass without it. */
export interface MutantFindings extends MutantEvidence {
  readonly id: string;
  /** Expanded ids, in the order of the cases. */
  readonly ownCases: readonly string[];
  readonly otherCases: readonly string[];
  /** Ids as written of the cases that it proves: none unless it is `caught`. */
  readonly proves: readonly string[];
  readonly violated: readonly string[];
}

/**
 * Cases by id as written: what the run says of all the expansions of each. The heaviest counts, so that a case is
 * green only if nothing went wrong in any expansion, and some expansion did run.
 */
function byBase({ cases }: ModelRun): ReadonlyMap<string, Reaction> {
  const weight: readonly Reaction[] = ['skip', 'none', 'other', 'own'];
  const out = new Map<string, Reaction>();
  for (const { baseId, reaction } of cases) {
    const before = out.get(baseId) ?? 'skip';
    out.set(baseId, weight.indexOf(reaction) > weight.indexOf(before) ? reaction : before);
  }
  return out;
}

/** Ids as written of the cases that pass. */
export const greenCases = (run: ModelRun): ReadonlySet<string> =>
  new Set([...byBase(run)].flatMap(([base, is]) => (is === 'none' ? [base] : [])));

function verdictOf(
  run: ModelRun,
  own: number,
  other: number,
  violated: number,
  isSpoiling: boolean,
): MutantVerdict {
  if (run.unusable !== undefined) return 'unusable';
  if (isSpoiling) return 'spoils';
  if (own > 0) return 'caught';
  if (violated > 0) return 'standing';
  return other > 0 ? 'set-up' : 'survived';
}

/**
 * Judges the run with a mutant against the run without. A case that is red without it cannot be proved by it. If only a
 * `sample` was run of what it touches (ids as written), that decides whether it spoils; what was run besides can prove.
 */
export function judgeMutant(
  id: string,
  run: ModelRun,
  baseline: ModelRun,
  sample?: ReadonlySet<string>,
): MutantFindings {
  const green = greenCases(baseline);
  const bases = [...byBase(run)].filter(([base]) => green.has(base));
  const basesThat = (wanted: Reaction) => bases.flatMap(([base, is]) => (is === wanted ? [base] : []));
  const casesThat = (wanted: Reaction) =>
    run.cases.flatMap(({ id, baseId, reaction }) => (reaction === wanted && green.has(baseId) ? [id] : []));
  const [own, other] = [basesThat('own'), basesThat('other')];
  const violated = run.violated.filter((check) => !baseline.violated.includes(check));
  const broken = [...own, ...other].filter((base) => sample?.has(base) ?? true);
  const isSpoiling = broken.length > provingLimit(sample?.size ?? green.size);
  const verdict = verdictOf(run, own.length, other.length, violated.length, isSpoiling);
  return {
    id,
    verdict,
    own: own.length,
    other: other.length,
    ...(sample !== undefined && { sample: sample.size }),
    ownCases: casesThat('own'),
    otherCases: casesThat('other'),
    proves: verdict === 'caught' ? own : [],
    violated,
  };
}

/** Adds up what all mutants did. */
export function gatherEvidence(
  seed: number,
  baseline: ModelRun,
  mutants: readonly MutantFindings[],
  standingChecks: readonly string[],
): Evidence {
  const ids = (matches: (mutant: MutantFindings) => boolean) =>
    mutants
      .filter(matches)
      .map(({ id }) => id)
      .sort(byText);
  const bases = [...byBase(baseline)];
  const basesThat = (matches: (is: Reaction) => boolean) =>
    bases.flatMap(([base, is]) => (matches(is) ? [base] : []));
  return {
    schemaVersion: 1,
    seed,
    cases: Object.fromEntries(
      basesThat((is) => is === 'none').map((base) => [base, ids(({ proves }) => proves.includes(base))]),
    ),
    skipped: basesThat((is) => is === 'skip').sort(byText),
    red: basesThat((is) => is === 'own' || is === 'other').sort(byText),
    standing: Object.fromEntries(
      standingChecks.map((check) => [check, ids(({ violated }) => violated.includes(check))]),
    ),
    mutants: Object.fromEntries(
      mutants.map(({ id, verdict, own, other, sample }) => {
        const counts = { verdict, own, other, ...(sample !== undefined && { sample }) };
        return [id, counts] as const;
      }),
    ),
  };
}

/** Cases without any mutant that proves them. */
export const unprovedCases = ({ cases }: Evidence): readonly string[] =>
  Object.entries(cases).flatMap(([id, mutants]) => (mutants.length === 0 ? [id] : []));

/** Standing checks that no mutant violates. */
export const unprovedChecks = ({ standing }: Evidence): readonly string[] =>
  Object.entries(standing).flatMap(([check, mutants]) => (mutants.length === 0 ? [check] : []));

const thatSurvive = ({ mutants }: Evidence): readonly string[] =>
  Object.entries(mutants).flatMap(([id, { verdict }]) => (verdict === 'survived' ? [id] : []));

/** Mutants that nobody notices, though a conformant device could not be like that. */
export const survivors = (evidence: Evidence): readonly string[] =>
  thatSurvive(evidence).filter((id) => !EQUIVALENT_MUTANTS.has(id));

/** Mutants that nobody notices, and nobody may. */
export const equivalents = (evidence: Evidence): readonly string[] =>
  thatSurvive(evidence).filter((id) => EQUIVALENT_MUTANTS.has(id));

/** Mutants that are noticed, though a conformant device could be like that. */
export const wronglyNoticed = ({ mutants }: Evidence): readonly string[] =>
  Object.entries(mutants).flatMap(([id, { verdict }]) =>
    verdict !== 'survived' && EQUIVALENT_MUTANTS.has(id) ? [id] : [],
  );

const NONE: Evidence = {
  schemaVersion: 1,
  seed: 0,
  cases: {},
  skipped: [],
  red: [],
  standing: {},
  mutants: {},
};

/** The stored evidence; without any, nothing is proved. */
export function readEvidence(file: string = MUTANTS_FILE): Evidence {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Evidence) : NONE;
}

export const evidenceText = (evidence: Evidence): string => stableJson(evidence);

export function writeEvidence(evidence: Evidence, file: string = MUTANTS_FILE): void {
  writeFileSync(file, evidenceText(evidence));
}
