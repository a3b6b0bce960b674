/** Results as JSON: the machine-readable contract, schemaVersion 1. */
import { renameSync, writeFileSync } from 'node:fs';
import type { RunResults } from '../run/results.js';

/** Writes results so that the file is either the old one or complete, never half. Throws the file system's error. */
export function writeJsonReport(file: string, results: RunResults): void {
  const part = `${file}.part`;
  writeFileSync(part, `${JSON.stringify(results, undefined, 2)}\n`);
  renameSync(part, file);
}
