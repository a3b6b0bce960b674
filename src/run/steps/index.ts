/** The executors of the step kinds. `repeat` is the case run's own, since it runs steps. */
import { evaluateNumber } from '../../cases/evaluate.js';
import { matchCheck } from '../../cases/expect.js';
import { LIMITS } from '../../cases/limits.js';
import type { PublishStep, Step } from '../../cases/types.js';
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

/** How long a device may take for what is published again. */
const AGAIN_LIMIT_MS = 1000;

function executePublish({ names, again, notify }: PublishStep, run: CaseRun): void {
  const staged = names.flatMap((name) => run.flights.named(name).filter((flight) => flight.staged));
  publishFlights(staged, notify, run);
  if (again === undefined) return;
  const times = evaluateNumber(again, run.scope, run.context, LIMITS.rounds);
  const exchanges = staged.map(({ exchange }) => exchange);
  run.session.driver.publishAgain(exchanges, times, AGAIN_LIMIT_MS, () => run.progress());
}

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
      executePublish(step, run);
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
