/** Judging what came back of a request: by the standing checks, and by what the case expects. */
import { matchResult, type Observed } from '../../cases/expect.js';
import type { ResultExpectation } from '../../cases/types.js';
import type { Answer } from '../../harness/request.js';
import { judgeExchange } from '../../harness/standing-checks.js';
import { DeviceStatus } from '../../wire/virtio.js';
import { virtioScsiRespHead } from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';

/** Makes the standing checks on every flight that has come back and was not looked at yet. */
export function settleFlights(flights: readonly Flight[], run: CaseRun): void {
  for (const flight of flights) {
    const { exchange, cdbLength } = flight;
    if (flight.judged || exchange.answer === undefined) continue;
    flight.judged = true;
    judgeExchange({ exchange, answer: exchange.answer, cdbLength }, run.onStanding);
  }
}

/** What was seen of a flight, in the terms of the case language. */
export function observe(flight: Flight, run: CaseRun): Observed {
  const { exchange } = flight;
  const { answer } = exchange;
  const { transport } = run.session;
  if (answer === undefined) {
    const asks = (transport.readStatus() & DeviceStatus.DEVICE_NEEDS_RESET) !== 0;
    return { outcome: asks ? 'needs_reset' : 'silent', queue: 'request' };
  }
  const { response } = answer;
  return {
    outcome: 'returned',
    queue: 'request',
    ...(written(answer, 'response') && { response: response.response }),
    ...(written(answer, 'status') && { status: response.status }),
    // What lies in the sense area when nothing was put there is no sense.
    ...(response.sense_len > 0 && { sense: answer.sense }),
    senseLen: response.sense_len,
    residual: response.residual,
    statusQualifier: response.status_qualifier,
    dataIn: answer.dataIn,
    dataInPoison: answer.dataInPoison,
    writable: exchange.placed.in.map(({ view, initial }) => ({ bytes: view.slice(), poison: initial })),
    used: { len: answer.usedLen, id: exchange.chain.head, entries: 1 },
    ...(exchange.interrupted !== undefined && {
      interrupts: { count: exchange.interrupted ? 1 : 0, exact: false },
    }),
    returnedBefore: run.flights.returnedBefore(exchange),
  };
}

function written(answer: Answer, field: 'response' | 'status'): boolean {
  const { offset } = virtioScsiRespHead.fields[field];
  return answer.bytes[offset] !== answer.poison[offset];
}

/** Compares a flight with what is expected of it. */
export function judgeAnswer(expectation: ResultExpectation, flight: Flight, run: CaseRun): void {
  run.judge(matchResult(expectation, observe(flight, run), run.scope, run.context), expectation.explicit);
}
