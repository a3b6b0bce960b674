/** `quiet`: nothing may happen for a time. */
import type { QuietStep } from '../../cases/types.js';
import { type CaseRun, SEVERITY } from '../case-run.js';

export function executeQuiet(step: QuietStep, run: CaseRun): void {
  const happened = run.session.driver.watchQuiet(step.duration, new Set(step.watch));
  const [first] = happened;
  if (first === undefined) return;
  const { level, covers, because } = step.judgement;
  run.find({
    check: 'quiet',
    requirements: covers,
    severity: SEVERITY[level],
    expected: `nothing for ${step.duration} ms${because === undefined ? '' : ` (${because})`}`,
    got: happened.join('; '),
  });
}
