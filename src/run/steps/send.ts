/** What all steps that send a chain have in common: staging, publishing, waiting, judging, sending again. */
import type { Sending } from '../../cases/types.js';
import { scsiAnswer } from '../../harness/request.js';
import { waitUntil } from '../../harness/wait.js';
import { parseSense, SenseKey } from '../../wire/scsi/sense.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import { Response } from '../../wire/virtio-scsi.js';
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

/** How long a unit is given before it is asked again when it has asked for time. */
const PAUSE_MS = 20;

/** Carries a sending step out; `stage` places its chain, anew for every try. */
export function send(step: Sending, run: CaseRun, stage: () => Flight): void {
  const { port } = run.session;
  const until = port.clock.now() + step.within;
  for (let tries = step.retry; ; ) {
    const flight = stage();
    if (step.as !== undefined) run.flights.add(step.as, flight);
    if (step.staged !== undefined) return;
    publishFlights([flight], step.notify, run);
    if (step.as !== undefined) return;
    awaitFlights([flight], step, run);
    run.trace?.returned(flight);
    settleFlights([flight], run);
    const judged = compareAnswer(step, flight, run);
    if (judged.mismatches.length === 0 || tries === 0) {
      run.judge(judged, step.expect.explicit, flight);
      return;
    }
    // Earlier answers of a step that may be sent again are no findings: the last one counts.
    if (asksForTime(flight, run) && port.clock.now() < until) waitUntil(port, PAUSE_MS, () => false);
    else tries--;
  }
}

/** Whether a unit said that it is busy, or getting ready: what is asked of it again at once it cannot do either. */
function asksForTime({ kind, exchange }: Flight, { session }: CaseRun): boolean {
  if (kind !== 'command' || exchange.answer === undefined) return false;
  const { response, sense } = scsiAnswer(exchange.answer, session.driver.state.sizes);
  if (response.response === Response.BUSY) return true;
  if (response.response !== Response.OK) return false;
  if (response.status === ScsiStatus.BUSY || response.status === ScsiStatus['TASK SET FULL']) return true;
  const parsed = parseSense(sense.subarray(0, response.sense_len));
  return parsed.ok && parsed.key === SenseKey['NOT READY'] && parsed.asc === LOGICAL_UNIT_NOT_READY;
}

/** ASC of a unit that is becoming ready, or waits for a command that makes it so. */
const LOGICAL_UNIT_NOT_READY = 0x04;
