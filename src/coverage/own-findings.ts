/** Which findings of a case come from what the case itself expects. */
import type { CaseResult, Finding } from '../run/results.js';

/** Findings that say that the case could not do its part, or that the driver got into trouble. */
const NOT_EXPECTED: ReadonlySet<string> = new Set(['case', 'driver', 'unit']);

/**
 * Whether a finding is a broken expectation that the case's author wrote. What goes wrong in set-up, in the liveness
 * probe or at the end proves nothing about the case: every case would find it.
 */
export function isOwn({ severity, step, check }: Finding): boolean {
  return (
    (severity === 'fail' || severity === 'warn') &&
    /^\d/.test(step) &&
    !check.endsWith('(in set-up)') &&
    !NOT_EXPECTED.has(check)
  );
}

/** What a run with a mutant says about a case. */
export type Reaction =
  /** An expectation of its own was broken: the case can fail for this reason. */
  | 'own'
  /** It went wrong in another way: set-up, driver, liveness, hang, error. */
  | 'other'
  /** As on a conformant device. */
  | 'none'
  | 'skip';

/**
 * A warning counts as well as a fail: where the standard only recommends, a warning is all that a case can say. A note
 * does not, since devices are free to do what is noted.
 */
export function reactionOf({ verdict, findings }: CaseResult): Reaction {
  if (verdict === 'skip') return 'skip';
  if (verdict === 'pass' || verdict === 'note') return 'none';
  return findings.some(isOwn) ? 'own' : 'other';
}
