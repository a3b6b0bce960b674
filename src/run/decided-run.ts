/** Carrying a case out until what it finds is no chance. */
import type { CaseRun } from './case-run.js';
import type { CaseResult } from './results.js';

/** By chance a byte holds its poison in one run of 255, in all of them in one of 16 million. */
const RUNS = 3;

/**
 * Carries a case out. Where all that is against the device is that bytes look as before, they may have been written
 * with the very poison that was there: the case is carried out again, with other poison. `start` makes the case afresh.
 */
export function runDecided(start: () => CaseRun): CaseResult {
  for (let left = RUNS; ; left--) {
    const run = start();
    const result = run.run();
    if (!run.undecided || left === 1) return result;
  }
}
