/**
 * The suite's own cases as the loader made them, kept beside the built code: reading and checking them takes longer than
 * running most selections. The store is for just these files, catalogues and loader; anything else is loaded anew.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { deflateSync, inflateSync } from 'node:zlib';
import type { CaseFile } from '../cases/types.js';
import { PACKAGE_ROOT, SPEC_CASES } from './package-info.js';

const STORE = join(PACKAGE_ROOT, 'dist', 'parsed-cases.bin');
const LOADER = fileURLToPath(new URL('../cases/', import.meta.url));
/** What the loader was built from, in a checkout: tests run that, and read the same cases. */
const SOURCES = join(PACKAGE_ROOT, 'src', 'cases');

interface Stored {
  /** Of each form of the loader. */
  readonly keys: readonly string[];
  readonly files: readonly CaseFile[];
}

/** A hash of all that decides what loading the files gives: their texts, the catalogues, and the loader itself. */
function keyOf(paths: readonly string[], loader: string): string {
  const hash = createHash('sha256');
  const add = (name: string, path: string) =>
    hash.update(name).update('\0').update(readFileSync(path)).update('\0');
  for (const path of paths) add(relative(SPEC_CASES, path), path);
  for (const name of readdirSync(SPEC_CASES).filter((each) => each.endsWith('.yaml')))
    add(name, join(SPEC_CASES, name));
  for (const name of readdirSync(loader).sort()) if (/\.[jt]s$/.test(name)) add(name, join(loader, name));
  return hash.digest('hex');
}

/** The files at `paths` (in this order) as they were stored; undefined where others, or none, were. */
export function storedCases(paths: readonly string[], store = STORE): readonly CaseFile[] | undefined {
  let stored: Stored;
  try {
    stored = deserialize(inflateSync(readFileSync(store))) as Stored;
  } catch {
    // There is none, or it was written by another version of Node.js.
    return undefined;
  }
  if (!stored.keys.includes(keyOf(paths, LOADER))) return undefined;
  return stored.files.map((each, i) => called(each, shownName(paths[i] ?? '')));
}

/** Stores what loading the files at `paths` gave. */
export function storeCases(paths: readonly string[], files: readonly CaseFile[], store = STORE): void {
  const loaders = [LOADER, ...(existsSync(SOURCES) ? [SOURCES] : [])];
  const stored: Stored = { keys: loaders.map((loader) => keyOf(paths, loader)), files };
  writeFileSync(store, deflateSync(serialize(stored)));
}

/** Without a store, files are loaded. */
export function forgetStoredCases(store = STORE): void {
  rmSync(store, { force: true });
}

/** How messages name a file: relative to the present folder. */
export function shownName(path: string): string {
  return relative(process.cwd(), path) || path;
}

function called(loaded: CaseFile, file: string): CaseFile {
  return { ...loaded, file, cases: loaded.cases.map((each) => ({ ...each, file })) };
}
