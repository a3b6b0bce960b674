/** Exit codes of `vscsi`. Stable: CI systems depend on them. */
export const ExitCode = {
  /** Conformant, or but for known deviations; with a baseline, no regression. */
  CONFORMANT: 0,
  NOT_CONFORMANT: 1,
  /** Wrong command line, broken case file or list, nothing selected. */
  USAGE: 2,
  /** A device under test could not be started. */
  DUT_SETUP: 3,
  /** No case was executed: all were skipped. */
  NOTHING_EXECUTED: 4,
  /** The run is over and nothing is wrong, but a report could not be written. */
  REPORT: 5,
  /** Nothing is wrong with stored results, but the run was ended early: cases are missing. */
  INCOMPLETE: 6,
  /** A mistake of the suite itself: it says nothing about the device. `EX_SOFTWARE` of sysexits.h. */
  INTERNAL: 70,
  INTERRUPTED: 130,
  /** Whoever read the output went away. What a shell reports for a program that SIGPIPE has ended. */
  OUTPUT_CLOSED: 141,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * The same for `git bisect run`: 0 good, 1 bad, 125 this commit cannot be tested; from 128 on git stops, which is right
 * for a mistake in the command line, since it would be the same at every commit.
 */
export function bisectExitCode(code: number): number {
  switch (code) {
    case ExitCode.CONFORMANT:
    case ExitCode.NOT_CONFORMANT:
      return code;
    case ExitCode.USAGE:
    case ExitCode.REPORT:
    case ExitCode.INTERNAL:
      return 128;
    case ExitCode.DUT_SETUP:
    case ExitCode.NOTHING_EXECUTED:
    case ExitCode.INCOMPLETE:
      return 125;
    default:
      return code;
  }
}
