/** The last line of a run and its exit code. */
import type { Change } from '../run/baseline.js';
import { ExitCode } from '../run/exit-code.js';
import { conformantBut, type Gate, offences } from '../run/gate.js';
import type { RunResults } from '../run/results.js';

/** What came of one device. */
export interface Outcome {
  /** Undefined where the device could not be brought up at all. */
  readonly ran?: {
    readonly results: RunResults;
    readonly gate: Gate;
    /** Present with a baseline. */
    readonly changes?: readonly Change[];
  };
  /** The device could not be set up, at first or again after a case that it did not survive. */
  readonly setUpFailed: boolean;
}

export interface Conclusion {
  readonly text: string;
  readonly good: boolean;
  readonly code: ExitCode;
}

const counted = (count: number, one: string, several = `${one}S`) =>
  `${count} ${count === 1 ? one : several}`;

/** The worst device decides. `reportFailed`: a report could not be written, which counts when nothing worse happened. */
export function conclude(
  outcomes: readonly Outcome[],
  interrupted: boolean,
  reportFailed: boolean,
): Conclusion {
  const bad = (text: string, code: ExitCode): Conclusion => ({ text, good: false, code });
  if (interrupted) return bad('INTERRUPTED: the results so far have been reported', ExitCode.INTERRUPTED);
  const ran = outcomes.flatMap((outcome) => outcome.ran ?? []);
  const sum = (count: (run: (typeof ran)[number]) => number) =>
    ran.reduce((total, run) => total + count(run), 0);
  const compared = ran.some(({ changes }) => changes !== undefined);
  const regressions = sum(({ gate, changes }) => regressionsOf(gate, changes).length);
  const offending = sum(({ gate, changes }) => (changes === undefined ? offences(gate).length : 0));
  if (offending > 0) return bad('NOT CONFORMANT', ExitCode.NOT_CONFORMANT);
  if (regressions > 0)
    return bad(`NOT CONFORMANT: ${counted(regressions, 'REGRESSION')}`, ExitCode.NOT_CONFORMANT);
  if (outcomes.some(({ setUpFailed }) => setUpFailed)) return bad('DEVICE SET-UP FAILED', ExitCode.DUT_SETUP);
  const executed = sum(({ results: { summary } }) => summary.total - summary.skip);
  // The cases of a part are as chance has it; whether any were executed shows when all parts are put together.
  const parts = ran.some(({ results }) => results.request?.shard !== undefined);
  if (executed === 0 && !parts) return bad('NOTHING EXECUTED', ExitCode.NOTHING_EXECUTED);
  const code = reportFailed ? ExitCode.REPORT : ExitCode.CONFORMANT;
  const unexpected = sum(({ gate }) => gate.unexpected.length);
  if (compared && unexpected > 0)
    return { text: `NOT CONFORMANT, BUT NO REGRESSION`, good: !reportFailed, code };
  return { text: conformantBut(sum(({ gate }) => gate.deviations)), good: !reportFailed, code };
}

/** What has got worse, less what is known and expected of the device. */
export function regressionsOf(gate: Gate, changes: readonly Change[] | undefined): string[] {
  const known = new Set(gate.known);
  return (changes ?? []).flatMap(({ id, kind }) => (kind === 'regression' && !known.has(id) ? [id] : []));
}
