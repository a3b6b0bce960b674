/** `wait`: for what is in flight under a name. */
import { CaseError } from '../../cases/errors.js';
import type { WaitStep } from '../../cases/types.js';
import type { CaseRun } from '../case-run.js';
import { judgeAnswer, settleFlights } from './answer.js';

export function executeWait(step: WaitStep, run: CaseRun): void {
  if (step.target.kind !== 'names')
    throw new CaseError('NOT_AVAILABLE', `waiting for ${step.target.kind} is not possible here`);
  const flights = step.target.names.flatMap((name) => run.flights.named(name));
  const unpublished = flights.find(({ staged }) => staged);
  if (unpublished)
    throw new CaseError('NOT_AVAILABLE', 'waiting for a request that was staged and never published');
  run.session.driver.wait(
    flights.map(({ exchange }) => exchange),
    step.within,
  );
  settleFlights(flights, run);
  if (step.listed)
    checkOrder(
      step,
      flights.map(({ exchange }) => exchange.returned),
      run,
    );
  for (const flight of flights) judgeAnswer(step.expect, flight, run);
}

function checkOrder(step: WaitStep, positions: readonly (number | undefined)[], run: CaseRun): void {
  const wrong = positions.findIndex(
    (position, i) => i > 0 && (position ?? Infinity) < (positions[i - 1] ?? Infinity),
  );
  if (wrong < 0) return;
  const { covers, level } = step.expect.judgement;
  run.find({
    check: 'order',
    requirements: covers,
    severity: level === 'MUST' ? 'fail' : level === 'SHOULD' ? 'warn' : 'note',
    expected: 'returns in the order listed',
    got: `number ${wrong + 1} of the list before number ${wrong}`,
  });
}
