/** What all steps that send a chain have in common: staging, publishing, waiting, judging, sending again. */
import type { Sending } from '../../cases/types.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';
import { awaitFlights, compareAnswer, settleFlights } from './answer.js';

/** Makes flights available by one index update a queue, and kicks as the step says. */
export function publishFlights(flights: readonly Flight[], notify: Sending['notify'], run: CaseRun): void {
  const { trace } = run;
  const { driver } = run.session;
  for (const flight of flights) {
    flight.staged = false;
    run.resend?.apply(flight);
    trace?.sent(flight, driver.ring(flight.exchange.queue));
  }
  const [first] = flights;
  if (first) run.sending(Buffer.concat(first.exchange.placed.out.map(({ initial }) => initial)));
  driver.publish(
    flights.map(({ exchange }) => exchange),
    notify,
    trace &&
      (() => {
        for (const flight of flights) trace.placed(flight, driver.ring(flight.exchange.queue));
      }),
  );
}

/** Carries a sending step out; `stage` places its chain, anew for every try. */
export function send(step: Sending, run: CaseRun, stage: () => Flight): void {
  for (let tries = step.retry; ; tries--) {
    const flight = stage();
    if (step.as !== undefined) run.flights.add(step.as, flight);
    if (step.staged !== undefined) return;
    publishFlights([flight], step.notify, run);
    if (step.as !== undefined) return;
    awaitFlights([flight], step, run);
    run.trace?.returned(flight);
    settleFlights([flight], run);
    const judged = compareAnswer(step, flight, run);
    // Earlier answers of a step that may be sent again are no findings: the last one counts.
    if (judged.mismatches.length > 0 && tries > 0) continue;
    run.judge(judged, step.expect.explicit, flight);
    return;
  }
}
