/** From the paths on the command line to cases without a mistake. */
import { readFileSync } from 'node:fs';
import { CaseLoader } from '../cases/load.js';
import { formatProblem } from '../cases/problem.js';
import type { CaseFile } from '../cases/types.js';
import { CaseFilesError } from './case-files-error.js';
import { museumIds } from './museum-entries.js';
import { findCaseFiles, SPEC_CASES } from './package-info.js';
import { forgetStoredCases, shownName, storeCases, storedCases } from './parsed-cases.js';
import { requirements } from './requirements.js';
import { allRulings } from './rulings.js';

export { CaseFilesError };

let shared: CaseLoader | undefined;
/** One loader for all files of a thread: it holds the compiled schema and the catalogues that cases refer to. */
function loader(): CaseLoader {
  shared ??= new CaseLoader({
    requirements: requirements(),
    rulings: new Set(allRulings().keys()),
    museum: museumIds(),
  });
  return shared;
}

/** Loads files, whose names are shown relative to the present folder. */
function load(files: readonly string[]): {
  readonly files: readonly CaseFile[];
  readonly problems: readonly string[];
} {
  const sources = files.map((path) => ({
    file: shownName(path),
    text: readFileSync(path, 'utf8'),
  }));
  const result = loader().loadAll(sources);
  return { files: result.files, problems: result.problems.map(formatProblem) };
}

/** Case files without a mistake. */
export interface CheckedFiles {
  readonly paths: readonly string[];
  readonly files: readonly CaseFile[];
}

/** The suite's own cases; quickly, where they are those that were built. Throws CaseFilesError. */
export function ownCases(): CheckedFiles {
  const paths = findCaseFiles([SPEC_CASES]);
  const files = storedCases(paths);
  return files === undefined ? checkCaseFiles([SPEC_CASES]) : { paths, files };
}

/** Loads the suite's own cases and stores them for `ownCases`. Throws CaseFilesError; then nothing is stored. */
export function buildOwnCases(): void {
  forgetStoredCases();
  const { paths, files } = checkCaseFiles([SPEC_CASES]);
  storeCases(paths, files);
}

/** Finds and checks case files. Throws CaseFilesError, listing every problem of every file. */
export function checkCaseFiles(paths: readonly string[]): CheckedFiles {
  let found: readonly string[];
  try {
    found = findCaseFiles(paths);
  } catch (error) {
    throw new CaseFilesError(
      `no such case file or folder: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (found.length === 0) throw new CaseFilesError(`no case files (*.yaml) below ${paths.join(', ')}`);
  const { files, problems } = load(found);
  if (problems.length > 0)
    throw new CaseFilesError(
      `${problems.join('\n')}\n${problems.length} problem${problems.length === 1 ? '' : 's'} in ${found.length} case files`,
    );
  return { paths: found, files };
}
