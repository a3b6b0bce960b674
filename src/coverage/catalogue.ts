/** The catalogue of requirements in full: what coverage counts, as opposed to the few keys that cases need. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SPEC_CASES } from '../run/package-info.js';

export const STRENGTHS = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY', 'INFO'] as const;
export const KINDS = ['normative', 'format', 'inferred'] as const;
export const ROLES = ['device', 'driver'] as const;
export const TESTABLE = ['yes', 'partly', 'no'] as const;
/** Versions of the standard, oldest first. */
export const VERSIONS = ['1.0', '1.1', '1.2', '1.3', '1.4'] as const;

/** One entry of `spec-cases/requirements.yaml`; its header says what the keys mean. */
export interface CatalogueEntry {
  readonly id: string;
  readonly section: string;
  readonly label: string;
  readonly strength: (typeof STRENGTHS)[number];
  readonly kind: (typeof KINDS)[number];
  readonly role: (typeof ROLES)[number];
  readonly area: string;
  readonly since: (typeof VERSIONS)[number];
  readonly text: string;
  readonly testable: (typeof TESTABLE)[number];
  readonly how: string;
  readonly needs?: readonly string[];
}

/** Reads the catalogue of the suite. */
export function readCatalogue(): readonly CatalogueEntry[] {
  return parse(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')) as CatalogueEntry[];
}
