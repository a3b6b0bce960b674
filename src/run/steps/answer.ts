/** Judging what came back of a chain: by the standing checks, and by what the case expects. */
import { evaluateNumber } from '../../cases/evaluate.js';
import {
  compareValue,
  type Judged,
  matchResult,
  type Observed,
  watchesInterrupts,
} from '../../cases/expect.js';
import type { ResultExpectation, Value } from '../../cases/types.js';
import type { Answer, Exchange } from '../../harness/exchange.js';
import { scsiAnswer } from '../../harness/request.js';
import { judgeExchange } from '../../harness/standing-checks.js';
import { waitUntil } from '../../harness/wait.js';
import { copyOf } from '../../wire/fresh-bytes.js';
import { DeviceStatus } from '../../wire/virtio.js';
import {
  QueueIndex,
  virtioScsiCtrlAnResp,
  virtioScsiCtrlTmfResp,
  virtioScsiRespHead,
} from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';

/**
 * Waits for flights; where the case allows a device to ask for a reset instead, that ends the wait as well. Nobody says
 * how soon a device answers what breaks the rules: it is silent only once it has come to rest.
 */
export function awaitFlights(
  flights: readonly Flight[],
  { expect, within }: { readonly expect: ResultExpectation; readonly within: number },
  run: CaseRun,
): void {
  const { driver } = run.session;
  const exchanges = flights.map(({ exchange }) => exchange);
  const mayAsk = expect.blocks.some((block) =>
    [block, ...(block.oneOf ?? [])].some(({ outcome }) => outcome?.includes('needs_reset')),
  );
  const returned = driver.wait(exchanges, within, mayAsk ? 0 : undefined);
  if (returned || !run.plan.hostile) return;
  run.session.port.lifecycle.settle();
  driver.collect();
}

/** Makes the standing checks on every flight that has come back and was not looked at yet. */
export function settleFlights(flights: readonly Flight[], run: CaseRun): void {
  for (const flight of flights) {
    const { exchange, cdbLength } = flight;
    if (flight.judged || exchange.answer === undefined) continue;
    flight.judged = true;
    judgeExchange({ exchange, answer: exchange.answer, cdbLength }, run.onStanding);
  }
}

/** Whether a byte of the answer was written: its poison is a value that no answer has. */
function written({ bytes, poison }: Answer, offset: number): boolean {
  return bytes[offset] !== poison[offset];
}

function observeCommand(answer: Answer, scsi: NonNullable<Exchange['scsi']>): Partial<Observed> {
  const { response, sense, piIn, piInPoison, dataIn, dataInPoison } = scsiAnswer(
    answer,
    scsi.sizes,
    scsi.request.piInSize,
  );
  const { fields } = virtioScsiRespHead;
  return {
    ...(written(answer, fields.response.offset) && { response: response.response }),
    ...(written(answer, fields.status.offset) && { status: response.status }),
    // What lies in the sense area when nothing was put there is no sense.
    ...(response.sense_len > 0 && { sense }),
    senseLen: response.sense_len,
    residual: response.residual,
    statusQualifier: response.status_qualifier,
    piIn,
    piInPoison,
    dataIn,
    dataInPoison,
  };
}

function observeKind(flight: Flight, answer: Answer): Partial<Observed> {
  const { scsi } = flight.exchange;
  switch (flight.kind) {
    case 'command':
      return scsi ? observeCommand(answer, scsi) : {};
    case 'tmf': {
      const { offset } = virtioScsiCtrlTmfResp.fields.response;
      return written(answer, offset) ? { response: virtioScsiCtrlTmfResp.read(answer.bytes).response } : {};
    }
    case 'an': {
      const { response, event_actual } = virtioScsiCtrlAnResp.read(answer.bytes);
      const { offset } = virtioScsiCtrlAnResp.fields.response;
      return { eventActual: event_actual, ...(written(answer, offset) && { response }) };
    }
    case 'chain':
      return {};
  }
}

/** Waits for the interrupts that are asked for: they may lag behind the buffers that they are about. */
function awaitInterrupts(
  { expect, within }: { readonly expect: ResultExpectation; readonly within: number },
  { queue, interrupted }: Exchange,
  run: CaseRun,
): void {
  const { port, driver, transport } = run.session;
  if (driver.reached !== 'live') return;
  const awaitRaised = (count: Value | undefined, vector: number | undefined) => {
    if (count === undefined || vector === undefined || vector >= transport.interrupts.vectors) return;
    if (compareValue(count, 0n, run.scope, run.context) === undefined) return;
    waitUntil(port, within, () => transport.interrupts.raised(vector));
  };
  for (const { interrupt, configInterrupt } of expect.blocks) {
    const given = interrupt?.vector && evaluateNumber(interrupt.vector, run.scope, run.context, 2047);
    const own = interrupted === true && (given === undefined || given === driver.vector(queue));
    if (!own) awaitRaised(interrupt?.count, given ?? driver.vector(queue));
    awaitRaised(configInterrupt, driver.configVector);
  }
}

/** Interrupts that are seen now, the queue's own taken together with what the harness has acknowledged. */
function interruptsOf(exchange: Exchange, run: CaseRun): Observed['interrupts'] {
  const { transport, driver, port } = run.session;
  const { interrupts } = transport;
  if (driver.reached !== 'live') return undefined;
  const vector = driver.vector(exchange.queue);
  if (vector === undefined) return undefined;
  // An interrupt that is not due may still be on its way.
  if (exchange.interrupted !== true) port.lifecycle.settle();
  const byVector = new Map<number, number>();
  for (let other = 0; other < interrupts.vectors; other++)
    if (interrupts.raised(other)) byVector.set(other, 1);
  if (exchange.interrupted) byVector.set(vector, 1);
  return { count: byVector.get(vector) ?? 0, byVector, exact: false };
}

/** The queue as the case language distinguishes them. */
function queueKind(index: number, kind: Flight['kind']): Observed['queue'] {
  if (kind === 'chain') return 'other';
  if (index === QueueIndex.EVENT) return 'event';
  return kind === 'command' ? 'request' : 'control';
}

/** How the ring returned it. */
function usedOf({ used }: Exchange): NonNullable<Observed['used']> {
  if (used === undefined) return {};
  const { len, slot, id, writeFlag } = used;
  return {
    slot,
    id,
    ...(len !== undefined && { len }),
    ...(writeFlag !== undefined && { writeFlag: Number(writeFlag) }),
  };
}

/**
 * What was seen of a flight, in the terms of the case language. `watched`: its interrupts matter; `ordered`: so does
 * what was returned before it; `entries`: used entries of the whole wait.
 */
function observe(
  flight: Flight,
  run: CaseRun,
  watched: boolean,
  ordered: boolean,
  entries: number,
): Observed {
  const { exchange } = flight;
  const { answer } = exchange;
  const queue = queueKind(exchange.queue, flight.kind);
  // Every look may cost a register access.
  const interrupts = watched ? interruptsOf(exchange, run) : undefined;
  const config = run.session.driver.configVector;
  const configInterrupts = config === undefined ? 0 : (interrupts?.byVector?.get(config) ?? 0);
  const raised = interrupts && { interrupts, configInterrupts };
  if (answer === undefined) {
    const asks = (run.session.transport.readStatus() & DeviceStatus.DEVICE_NEEDS_RESET) !== 0;
    return { outcome: asks ? 'needs_reset' : 'silent', queue, ...raised };
  }
  return {
    outcome: 'returned',
    queue,
    ...raised,
    ...observeKind(flight, answer),
    ...(flight.event && { event: flight.event }),
    writable: exchange.placed.in.map(({ view, initial }) => ({ bytes: copyOf(view), poison: initial })),
    used: { ...usedOf(exchange), entries, lenUnreliable: run.session.transport.legacy },
    ...(ordered && {
      returnedBefore: run.flights.returnedBefore(exchange, true),
      surelyReturnedBefore: run.flights.returnedBefore(exchange, false),
    }),
  };
}

/** Compares a flight with what is expected of it, without recording anything. */
export function compareAnswer(
  step: { readonly expect: ResultExpectation; readonly within: number },
  flight: Flight,
  run: CaseRun,
  entries = 1,
): Judged {
  const { expect: expectation } = step;
  awaitInterrupts(step, flight.exchange, run);
  const ordered = expectation.blocks.some((block) =>
    [block, ...(block.oneOf ?? [])].some(({ after, before }) => after !== undefined || before !== undefined),
  );
  const seen = observe(flight, run, watchesInterrupts(expectation), ordered, entries);
  return matchResult(expectation, seen, run.scope, run.context);
}
