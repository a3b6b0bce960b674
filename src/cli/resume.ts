/** `--resume`: going on with a run that was cut off. */
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { DutIdentity } from '../duts/dut.js';
import type { CaseEvent, HeaderEvent } from '../report/events.js';
import { readResults, type StoredResults } from '../report/read-results.js';
import { UsageError } from './errors.js';
import type { RunOptions } from './run-options.js';

/** A run that goes on. */
export interface Resumed {
  readonly file: string;
  readonly results: StoredResults['results'];
  /** Its results, as they were written. */
  readonly events: readonly CaseEvent[];
}

/**
 * The run to go on with; undefined where there is none yet, so that the same command line starts and resumes. Only the
 * event stream tells what the standing checks had decided by case. Throws UsageError and ResultsFileError.
 */
export function resumedRun({ resume, seed }: Pick<RunOptions, 'resume' | 'seed'>): Resumed | undefined {
  if (resume === undefined || !existsSync(resume)) return undefined;
  const { results, events } = readResults(resume);
  if (events === undefined || results.request === undefined)
    throw new UsageError(
      `--resume ${resume} is no event stream; only what --report jsonl=FILE writes can be resumed`,
    );
  if (seed !== undefined && seed !== results.seed)
    throw new UsageError(
      `--resume ${resume} was run with --seed ${results.seed}; leave --seed out, or give the same`,
    );
  return { file: resume, results, events };
}

/** Throws UsageError where the run to go on with was another one: its results would not be those of one run. */
export function refuseOtherRun(
  { file, results }: Resumed,
  facts: Omit<HeaderEvent, 'type' | 'environment' | 'dut'>,
): void {
  const compared = {
    'the version of the suite': [results.suite.version, facts.suite.version],
    'the case set': [results.suite.caseSetHash, facts.suite.caseSetHash],
    '--strict': [results.strict, facts.strict],
    '--spec': [results.spec, facts.spec],
    'the options': [results.request, facts.request],
  } as const;
  for (const [what, [before, now]] of Object.entries(compared))
    if (!isDeepStrictEqual(before, now))
      throw new UsageError(
        `--resume ${file} is of another run: ${what} was ${JSON.stringify(before)}, and is ${JSON.stringify(now)}`,
      );
}

/** The same for the device, once it is up. */
export function refuseOtherDevice({ file, results: { dut } }: Resumed, { name, version }: DutIdentity): void {
  if (dut.name !== name || dut.version !== version)
    throw new UsageError(
      `--resume ${file} is of ${dut.name} ${dut.version}, and this device is ${name} ${version}`,
    );
}
