/** `quiet`: nothing may happen for a time. */
import type { QuietStep } from '../../cases/types.js';
import type { CaseRun } from '../case-run.js';

export function executeQuiet(step: QuietStep, run: CaseRun): void {
  const happened = run.session.driver.watchQuiet(step.duration, new Set(step.watch));
  if (happened.length === 0) return;
  run.broken(step.judgement, {
    check: 'quiet',
    expected: `nothing for ${step.duration} ms`,
    got: happened.join('; '),
  });
}
