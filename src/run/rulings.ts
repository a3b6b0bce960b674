/** What the suite decided where the standard leaves something open: `spec-cases/rulings.yaml`. */
import type { AlternativeVerdict } from '../cases/types.js';
import { readCatalogueFile } from './catalogue-file.js';

/** One ruling with one outcome. */
export interface Ruling {
  /** Ambiguity and outcome: `A7.bad-target`. */
  readonly id: string;
  /** What is open, and what the device does. */
  readonly about: string;
  /** Where the standard says it, or leaves it open. */
  readonly clause: string;
  /** Why the outcome counts as it does. */
  readonly why: string;
  /** How the outcome counts. */
  readonly default: AlternativeVerdict;
  readonly strict: AlternativeVerdict;
}

let loaded: ReadonlyMap<string, Ruling> | undefined;

/** All rulings by id; read when they are first asked for. */
export function allRulings(): ReadonlyMap<string, Ruling> {
  loaded ??= new Map(
    (readCatalogueFile('rulings.yaml') as Ruling[]).map((ruling) => [ruling.id, ruling] as const),
  );
  return loaded;
}

let strictly = false;

/**
 * Lets every ruling count by its strict column from now on, in this thread. A worker serves one run, so nothing ever
 * has to be taken back.
 */
export function ruleStrictly(): void {
  strictly = true;
}

/** How an outcome counts in this run; a ruling that does not exist excuses nothing. */
export function ruledVerdict(id: string): AlternativeVerdict {
  const ruling = allRulings().get(id);
  if (ruling === undefined) return 'fail';
  return strictly ? ruling.strict : ruling.default;
}

/** The ruling in words, for the text of a finding that rests on it. */
export function rulingText({ about, why, clause, default: usual, strict }: Ruling): string {
  const effect = usual === strict ? `counts as ${usual}` : `counts as ${usual}, with --strict as ${strict}`;
  return `${about}; ${why} (${clause}); ${effect}`;
}
