/** From the paths on the command line to cases that can run on a device. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Environment, type Expansion, excludedByMode, expandCase } from '../cases/expand.js';
import { CaseLoader } from '../cases/load.js';
import { formatProblem } from '../cases/problem.js';
import { type RequirementRegistry, readRequirements } from '../cases/requirements.js';
import type { CaseFile, ExpandedCase, Skip } from '../cases/types.js';
import { CaseFilesError } from './case-files-error.js';
import { DEFAULT_MODE, environmentOf } from './environment.js';
import { findCaseFiles, SPEC_CASES } from './package-info.js';
import { RULINGS } from './rulings.js';
import type { Session } from './session.js';

export { CaseFilesError };

let catalogued: RequirementRegistry | undefined;
/** The catalogue of requirements, as far as running cases needs it; read once. */
export function requirements(): RequirementRegistry {
  catalogued ??= readRequirements(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8'));
  return catalogued;
}

let shared: CaseLoader | undefined;
/** One loader for all files of a thread: it holds the compiled schema and the catalogues that cases refer to. */
function loader(): CaseLoader {
  const rulings = new Set(RULINGS.keys());
  shared ??= new CaseLoader({ requirements: requirements(), rulings });
  return shared;
}

/** Loads files, whose names are shown relative to the present folder. */
function load(files: readonly string[]): {
  readonly files: readonly CaseFile[];
  readonly problems: readonly string[];
} {
  const sources = files.map((path) => ({
    file: relative(process.cwd(), path) || path,
    text: readFileSync(path, 'utf8'),
  }));
  const result = loader().loadAll(sources);
  return { files: result.files, problems: result.problems.map(formatProblem) };
}

/** Finds and checks case files. Throws CaseFilesError, listing every problem of every file. */
export function checkCaseFiles(paths: readonly string[]): {
  readonly paths: readonly string[];
  readonly files: readonly CaseFile[];
} {
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

/**
 * Every case of the files for a device, in the order of the files. `consents`: tags of cases that need the user's word,
 * `destructive` and `host-risk`, as far as it was given.
 */
export function expandAll(
  files: readonly CaseFile[],
  session: Session,
  consents: ReadonlySet<string> = new Set(),
): Expansion {
  const environment = environmentOf(session);
  const expansions = files.flatMap(({ cases }) =>
    cases.map((definition) => expandCase(definition, environment)),
  );
  return {
    cases: expansions
      .flatMap(({ cases }) => cases)
      .map((expanded) => {
        const skip =
          expanded.skip ??
          excludedByMode(expanded.modes, DEFAULT_MODE) ??
          notConsented(expanded, environment, consents);
        return skip ? { ...expanded, skip, steps: [] } : expanded;
      }),
    problems: expansions.flatMap(({ problems }) => problems),
  };
}

/** Nothing is written to a unit that was not lent for it, and nothing dangerous is done unasked. */
function notConsented(
  { writes, tags }: ExpandedCase,
  { scratch }: Environment,
  consents: ReadonlySet<string>,
): Skip | undefined {
  const kept = writes.find((role) => scratch?.(role) !== true);
  if (kept !== undefined) return { kind: 'not-consented', evidence: `${kept} is not lent for writing` };
  const tag = tags.find((each) => each !== 'slow' && !consents.has(each));
  return tag && { kind: 'not-consented', evidence: `the case is ${tag}, and that was not allowed` };
}
