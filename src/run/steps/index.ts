/** The executors of the step kinds. `repeat` is the case run's own, since it runs steps. */
import { CaseError } from '../../cases/errors.js';
import { matchCheck } from '../../cases/expect.js';
import type { Step } from '../../cases/types.js';
import type { CaseRun } from '../case-run.js';
import { executeCommand, publish } from './command.js';
import { executeWait } from './wait.js';

/** Carries one step out. Findings and captures go to the run. */
export function executeStep(step: Step, run: CaseRun): void {
  switch (step.kind) {
    case 'command':
      executeCommand(step, run);
      break;
    case 'publish':
      publish(
        step.names.flatMap((name) => run.flights.named(name)),
        run,
      );
      break;
    case 'wait':
      executeWait(step, run);
      break;
    case 'check':
      run.judge(matchCheck(step, run.scope, run.context), true);
      break;
    default:
      throw new CaseError('NOT_AVAILABLE', `this version of the suite cannot carry out ${step.kind} steps`);
  }
}
