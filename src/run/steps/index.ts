/** The executors of the step kinds. `repeat` is the case run's own, since it runs steps. */
import { matchCheck } from '../../cases/expect.js';
import type { Step } from '../../cases/types.js';
import type { CaseRun } from '../case-run.js';
import { executeChain } from './chain.js';
import { executeCommand } from './command.js';
import { executeControl } from './control.js';
import { executeAn, executeTmf } from './control-request.js';
import { executeQuiet } from './quiet.js';
import { executeKick, executeRead, executeWrite } from './read-write.js';
import { publishFlights } from './send.js';
import { executeReset, executeSetup } from './setup.js';
import { executeWait } from './wait.js';

/** Carries one step out. Findings and captures go to the run. */
export function executeStep(step: Exclude<Step, { kind: 'repeat' }>, run: CaseRun): void {
  switch (step.kind) {
    case 'command':
      executeCommand(step, run);
      break;
    case 'tmf':
      executeTmf(step, run);
      break;
    case 'an':
      executeAn(step, run);
      break;
    case 'chain':
      executeChain(step, run);
      break;
    case 'publish':
      publishFlights(
        step.names.flatMap((name) => run.flights.named(name).filter(({ staged }) => staged)),
        step.notify,
        run,
      );
      break;
    case 'kick':
      executeKick(step, run);
      break;
    case 'wait':
      executeWait(step, run);
      break;
    case 'quiet':
      executeQuiet(step, run);
      break;
    case 'read':
      executeRead(step, run);
      break;
    case 'write':
      executeWrite(step, run);
      break;
    case 'setup':
      executeSetup(step, run);
      break;
    case 'reset':
      executeReset(step, run);
      break;
    case 'control':
      executeControl(step, run);
      break;
    case 'check':
      run.judge(matchCheck(step, run.scope, run.context), true);
      break;
  }
}
