/** From the paths on the command line to cases that can run on a device. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, type ExpansionProblem, excludedByMode, expandCase } from '../cases/expand.js';
import { CaseLoader } from '../cases/load.js';
import { formatProblem } from '../cases/problem.js';
import { type RequirementRegistry, readRequirements } from '../cases/requirements.js';
import { asRequirement } from '../cases/scsi-requirements.js';
import type { CaseFile, ExpandedCase, Skip } from '../cases/types.js';
import { featuresOfMode } from '../harness/ring-mode.js';
import type { TransportName } from '../port/transport-name.js';
import { featureNames } from '../wire/virtio.js';
import { CaseFilesError } from './case-files-error.js';
import { environmentOf } from './environment.js';
import { type HeldBack, holdsBack } from './known.js';
import { missingLayer } from './missing-layers.js';
import { isOffered, type Mode, type ModeChoice, modeName, modesOf } from './modes.js';
import { museumIds } from './museum-entries.js';
import { findCaseFiles, SPEC_CASES } from './package-info.js';
import { forgetStoredCases, shownName, storeCases, storedCases } from './parsed-cases.js';
import { RULINGS } from './rulings.js';
import { scsiRequirements } from './scsi-catalogue.js';
import type { Session } from './session.js';
import { usesQueues } from './uses-queues.js';

export { CaseFilesError };

let catalogued: RequirementRegistry | undefined;
/** Both catalogues of requirements, as far as running cases needs them; read once. */
export function requirements(): RequirementRegistry {
  if (catalogued === undefined) {
    const all = new Map(readRequirements(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')));
    for (const rule of scsiRequirements().values()) all.set(rule.id, asRequirement(rule));
    catalogued = all;
  }
  return catalogued;
}

let shared: CaseLoader | undefined;
/** One loader for all files of a thread: it holds the compiled schema and the catalogues that cases refer to. */
function loader(): CaseLoader {
  shared ??= new CaseLoader({
    requirements: requirements(),
    rulings: new Set(RULINGS.keys()),
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

/** A case of a device, in one of the modes of the run. */
export interface RunnableCase extends ExpandedCase {
  readonly mode: Mode;
}

/** In which modes cases are to run, and what for. */
export interface ExpansionOptions {
  /** `default` if left out. */
  readonly modes?: ModeChoice;
  /** The transports by which the device can be reached, over which modes are chosen; just the session's if left out. */
  readonly transports?: readonly TransportName[];
  /** Cases that the device is known not to survive. */
  readonly heldBack?: readonly HeldBack[];
  /** Tags of cases that need the user's word, `destructive` and `host-risk`, as far as it was given. */
  readonly consents?: ReadonlySet<string>;
}

/** Every case of the files that is to run by the transport of the session, in the order of the files, mode after mode. */
export function expandAll(
  files: readonly CaseFile[],
  session: Session,
  {
    modes = 'default',
    transports = [session.port.transport],
    heldBack = [],
    consents = new Set(),
  }: ExpansionOptions = {},
): { readonly cases: readonly RunnableCase[]; readonly problems: readonly ExpansionProblem[] } {
  const environment = environmentOf(session);
  const cases: RunnableCase[] = [];
  const problems: ExpansionProblem[] = [];
  for (const definition of files.flatMap((file) => file.cases)) {
    const [home, ...others] = modesOf(definition, modes, transports);
    // What the device does not offer is told once, by the case in its home.
    const here = [
      ...(home === undefined ? [] : [home]),
      ...others.filter((mode) => isOffered(mode, session.offered)),
    ].filter(({ transport }) => transport === session.port.transport);
    if (here.length === 0) continue;
    const expansion = expandCase(definition, environment);
    problems.push(...expansion.problems);
    const count = expansion.cases.length;
    const wanted = expansion.cases.map((expanded, index) => {
      const traits = { index, count, usesQueues: usesQueues(expanded) };
      return new Set(modesOf(definition, modes, transports, traits).map(modeName));
    });
    for (const mode of here)
      for (const [index, expanded] of expansion.cases.entries()) {
        if (!wanted[index]?.has(modeName(mode))) continue;
        const skip =
          expanded.skip ??
          excludedByMode(expanded.modes, mode) ??
          modeNotOffered(mode, session.offered) ??
          missingLayer(expanded, session.transport) ??
          notConsented(expanded, environment, consents) ??
          knownFatal(expanded, mode, heldBack);
        cases.push({ ...expanded, mode, ...(skip && { skip, steps: [] }) });
      }
  }
  return { cases, problems };
}

function knownFatal({ id }: ExpandedCase, mode: Mode, heldBack: readonly HeldBack[]): Skip | undefined {
  const entry = holdsBack(heldBack, id, modeName(mode));
  return entry && { kind: 'known-fatal', evidence: `${entry.reason} (--fatal runs it)` };
}

function modeNotOffered(mode: Mode, features: bigint): Skip | undefined {
  const missing = featureNames(featuresOfMode(mode) & ~features);
  return missing.length === 0
    ? undefined
    : { kind: 'not-offered', evidence: `${missing.join(', ')} is not offered` };
}

/**
 * Nothing is written to a unit that was not lent for it, nothing dangerous is done unasked, and no rule of drivers is
 * broken where a device that goes astray for it could reach memory of others.
 */
function notConsented(
  { writes, tags, hostile }: ExpandedCase,
  { scratch, capabilities }: Environment,
  consents: ReadonlySet<string>,
): Skip | undefined {
  const kept = writes.find((role) => scratch?.(role) !== true);
  if (kept !== undefined) return { kind: 'not-consented', evidence: `${kept} is not lent for writing` };
  if (hostile && !capabilities.has('dma-contained'))
    return {
      kind: 'not-consented',
      evidence: "the case is hostile, and nothing keeps the device from memory that is not the suite's",
    };
  const tag = tags.find((each) => each !== 'slow' && !consents.has(each));
  return tag && { kind: 'not-consented', evidence: `the case is ${tag}, and that was not allowed` };
}
