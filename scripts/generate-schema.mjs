/**
 * Writes spec-cases/case-file.schema.json from the tables of the built package; with --check only says, by its exit
 * code, whether the stored file is what would be written.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { schemaText } from '../dist/cases/schema.js';

const target = new URL('../spec-cases/case-file.schema.json', import.meta.url);
const text = schemaText();
if (process.argv.includes('--check')) {
  const stored = await readFile(target, 'utf8').catch(() => '');
  if (stored !== text) {
    console.error('spec-cases/case-file.schema.json is stale: run "npm run schema"');
    process.exitCode = 1;
  }
} else await writeFile(target, text);
