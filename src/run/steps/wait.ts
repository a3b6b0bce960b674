/** `wait`: for what is in flight under a name, for the next event, or for an interrupt. */
import { CaseError } from '../../cases/errors.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import { matchResult } from '../../cases/expect.js';
import type { WaitStep } from '../../cases/types.js';
import { waitUntil } from '../../harness/wait.js';
import type { CaseRun } from '../case-run.js';
import { awaitFlights, compareAnswer, settleFlights } from './answer.js';

export function executeWait(step: WaitStep, run: CaseRun): void {
  switch (step.target.kind) {
    case 'names':
      waitForNames(step, step.target.names, run);
      break;
    case 'event':
      waitForEvent(step, run);
      break;
    case 'interrupt':
      waitForInterrupt(step, step.target, run);
      break;
  }
}

function waitForNames(step: WaitStep, names: readonly string[], run: CaseRun): void {
  const flights = names.flatMap((name) => run.flights.named(name));
  if (flights.some(({ staged }) => staged))
    throw new CaseError('NOT_AVAILABLE', 'waiting for a buffer that was staged and never published');
  awaitFlights(flights, step, run);
  for (const flight of flights) {
    flight.awaited = true;
    const event = run.session.driver.eventOf(flight.exchange);
    if (event) flight.event = event;
    run.trace?.returned(flight);
  }
  settleFlights(flights, run);
  if (step.listed)
    checkOrder(
      step,
      flights.map(({ exchange }) => exchange.returned),
      run,
    );
  const entries = new Set(flights.map(({ exchange }) => exchange.used?.index)).size;
  for (const flight of flights)
    run.judge(compareAnswer(step, flight, run, entries), step.expect.explicit, flight);
}

function checkOrder(step: WaitStep, positions: readonly (number | undefined)[], run: CaseRun): void {
  const late = (position: number | undefined) => position ?? Number.POSITIVE_INFINITY;
  const wrong = positions.findIndex((position, i) => i > 0 && late(position) < late(positions[i - 1]));
  if (wrong < 0) return;
  run.broken(step.expect.judgement, {
    check: 'order',
    expected: 'returns in the order listed',
    got: `number ${wrong + 1} of the list before number ${wrong}`,
  });
}

function waitForEvent(step: WaitStep, run: CaseRun): void {
  const reported = run.session.driver.waitForEvent(step.within);
  const observed = reported
    ? {
        outcome: 'returned' as const,
        queue: 'event' as const,
        event: reported,
        writable: [{ bytes: reported.bytes, poison: reported.poison }],
        used: {
          ...(reported.usedLen !== undefined && { len: reported.usedLen }),
          lenUnreliable: run.session.transport.legacy,
          entries: 1,
        },
      }
    : { outcome: 'silent' as const, queue: 'event' as const };
  run.judge(matchResult(step.expect, observed, run.scope, run.context), step.expect.explicit);
}

function waitForInterrupt(
  step: WaitStep,
  target: Extract<WaitStep['target'], { kind: 'interrupt' }>,
  run: CaseRun,
): void {
  const { transport, port, driver } = run.session;
  const { line } = transport;
  if (target.source === 'line' && line === undefined)
    throw new CaseError('NOT_AVAILABLE', 'the interrupt line cannot be watched on this device');
  const given = target.vector && evaluateNumber(target.vector, run.scope, run.context, 2047);
  const vector = given ?? driver.configVector ?? 0;
  const came = waitUntil(port, step.within, () =>
    target.source === 'line' && line ? line.level() : transport.interrupts.raised(vector),
  );
  const observed = {
    outcome: came ? ('returned' as const) : ('silent' as const),
    queue: 'other' as const,
    interrupts: { count: came ? 1 : 0, byVector: new Map([[vector, came ? 1 : 0]]), exact: false },
  };
  // The line stays asserted until the driver has dealt with what it was asserted for.
  if (target.source !== 'line') transport.interrupts.clear(vector);
  run.judge(matchResult(step.expect, observed, run.scope, run.context), step.expect.explicit);
}
