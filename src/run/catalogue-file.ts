/** Reading the YAML files that hold catalogues. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { yaml } from '../sys/lazy-packages.js';
import { SPEC_CASES } from './package-info.js';

/** The name of a file's content as JSON, beside it, where parsing YAML would take too long. */
export function asJson(name: string): string {
  return `${name}.json`;
}

/** What a file of `spec-cases` says. Throws the errors of file system and parser. */
export function readCatalogueFile(name: string): unknown {
  const json = join(SPEC_CASES, asJson(name));
  if (existsSync(json)) return JSON.parse(readFileSync(json, 'utf8'));
  return yaml().parse(readFileSync(join(SPEC_CASES, name), 'utf8'));
}
