/** What the suite decided where the standard leaves something open: `spec-cases/rulings.yaml`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { AlternativeVerdict } from '../cases/types.js';
import { SPEC_CASES } from './package-info.js';

/** One ruling with one outcome. */
export interface Ruling {
  readonly id: string;
  readonly about: string;
  /** How the outcome counts in this run. */
  readonly default: AlternativeVerdict;
  readonly strict: AlternativeVerdict;
}

const rulings = new Map<string, Ruling>(
  (parse(readFileSync(join(SPEC_CASES, 'rulings.yaml'), 'utf8')) as Ruling[]).map((ruling) => [
    ruling.id,
    ruling,
  ]),
);

/** All rulings by id. */
export const RULINGS: ReadonlyMap<string, Ruling> = rulings;

/**
 * Lets every ruling count by its strict column from now on, in this thread. A worker serves one run, so nothing ever
 * has to be taken back.
 */
export function ruleStrictly(): void {
  for (const [id, ruling] of rulings) rulings.set(id, { ...ruling, default: ruling.strict });
}
