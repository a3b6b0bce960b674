/** Exit codes of `vscsi`. Stable: CI systems depend on them. */
export const ExitCode = {
  /** Conformant, or but for known deviations. */
  CONFORMANT: 0,
  NOT_CONFORMANT: 1,
  /** Wrong command line, broken case file or list. */
  USAGE: 2,
  /** A device under test could not be started. */
  DUT_SETUP: 3,
  /** No case was executed. */
  NOTHING_EXECUTED: 4,
  INTERRUPTED: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
