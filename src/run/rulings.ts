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
  readonly default: AlternativeVerdict;
  readonly strict: AlternativeVerdict;
}

/** All rulings by id. */
export const RULINGS: ReadonlyMap<string, Ruling> = new Map(
  (parse(readFileSync(join(SPEC_CASES, 'rulings.yaml'), 'utf8')) as Ruling[]).map((ruling) => [
    ruling.id,
    ruling,
  ]),
);
