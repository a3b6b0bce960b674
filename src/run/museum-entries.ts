/** The museum of real bugs, as far as cases refer to it: `fixtures/museum.yaml`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES } from './package-info.js';

/** Ids of all its entries, straight from the lines: nothing else of it is needed to check cases. */
export function museumIds(): ReadonlySet<string> {
  const text = readFileSync(join(FIXTURES, 'museum.yaml'), 'utf8');
  return new Set(Array.from(text.matchAll(/^- id: (\S+)$/gm), ([, id]) => id ?? ''));
}
