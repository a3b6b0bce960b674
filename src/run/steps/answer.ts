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
import { type ScsiAnswer, scsiAnswer } from '../../harness/request.js';
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

/**
 * What was seen of a flight that came back, in the terms of the case language. Its parts are taken when they are asked
 * for: of most answers few are, and there is one for every transaction.
 */
class SeenAnswer implements Observed {
  readonly outcome = 'returned';
  readonly queue: Observed['queue'];
  readonly #flight: Flight;
  readonly #answer: Answer;
  readonly #context: SeenBeside;
  readonly #scsi: ScsiAnswer | undefined;
  readonly #an: ReturnType<typeof virtioScsiCtrlAnResp.read> | undefined;
  #writable: Observed['writable'];

  constructor(flight: Flight, answer: Answer, beside: SeenBeside) {
    const { scsi, queue } = flight.exchange;
    this.queue = queueKind(queue, flight.kind);
    this.#flight = flight;
    this.#answer = answer;
    this.#context = beside;
    if (flight.kind === 'command' && scsi) this.#scsi = scsiAnswer(answer, scsi.sizes, scsi.request.piInSize);
    if (flight.kind === 'an') this.#an = virtioScsiCtrlAnResp.read(answer.bytes);
  }

  /** Whether a byte of the answer was written: its poison is a value that no answer has. */
  #written(offset: number): boolean {
    const { bytes, poison } = this.#answer;
    return bytes[offset] !== poison[offset];
  }

  get response(): number | undefined {
    const { kind } = this.#flight;
    if (this.#scsi)
      return this.#written(virtioScsiRespHead.fields.response.offset)
        ? this.#scsi.response.response
        : undefined;
    if (this.#an)
      return this.#written(virtioScsiCtrlAnResp.fields.response.offset) ? this.#an.response : undefined;
    const tmf = kind === 'tmf' && this.#written(virtioScsiCtrlTmfResp.fields.response.offset);
    return tmf ? virtioScsiCtrlTmfResp.read(this.#answer.bytes).response : undefined;
  }

  get status(): number | undefined {
    if (!this.#scsi) return undefined;
    return this.#written(virtioScsiRespHead.fields.status.offset) ? this.#scsi.response.status : undefined;
  }

  /** What lies in the sense area when nothing was put there is no sense. */
  get sense(): Uint8Array | undefined {
    return this.#scsi && this.#scsi.response.sense_len > 0 ? this.#scsi.sense : undefined;
  }

  get senseLen(): number | undefined {
    return this.#scsi?.response.sense_len;
  }

  get residual(): number | undefined {
    return this.#scsi?.response.residual;
  }

  get statusQualifier(): number | undefined {
    return this.#scsi?.response.status_qualifier;
  }

  get piIn(): Uint8Array | undefined {
    return this.#scsi?.piIn;
  }

  get piInPoison(): Uint8Array | undefined {
    return this.#scsi?.piInPoison;
  }

  get dataIn(): Uint8Array | undefined {
    return this.#scsi?.dataIn;
  }

  get dataInPoison(): Uint8Array | undefined {
    return this.#scsi?.dataInPoison;
  }

  get eventActual(): number | undefined {
    return this.#an?.event_actual;
  }

  get event(): Observed['event'] {
    return this.#flight.event;
  }

  get writable(): Observed['writable'] {
    const { placed } = this.#flight.exchange;
    // Copied once: what is judged must be what is reported.
    this.#writable ??= placed.in.map(({ view, initial }) => ({ bytes: copyOf(view), poison: initial }));
    return this.#writable;
  }

  /** How the ring returned it. */
  get used(): NonNullable<Observed['used']> {
    const { entries, run } = this.#context;
    const { used } = this.#flight.exchange;
    return {
      len: used?.len,
      slot: used?.slot,
      id: used?.id,
      writeFlag: used?.writeFlag === undefined ? undefined : Number(used.writeFlag),
      entries,
      lenUnreliable: run.session.transport.legacy,
    };
  }

  get interrupts(): Observed['interrupts'] {
    return this.#context.interrupts;
  }

  get configInterrupts(): number | undefined {
    return this.#context.configInterrupts;
  }

  get returnedBefore(): ReadonlySet<string> {
    return this.#context.run.flights.returnedBefore(this.#flight.exchange, true);
  }

  get surelyReturnedBefore(): ReadonlySet<string> {
    return this.#context.run.flights.returnedBefore(this.#flight.exchange, false);
  }
}

/** What was seen beside an answer. */
interface SeenBeside {
  readonly run: CaseRun;
  readonly interrupts: Observed['interrupts'];
  readonly configInterrupts: number | undefined;
  /** Used entries of the whole wait. */
  readonly entries: number;
}

/** What was seen of a flight. `watched`: its interrupts matter; `entries`: used entries of the whole wait. */
function observe(flight: Flight, run: CaseRun, watched: boolean, entries: number): Observed {
  const { exchange } = flight;
  const { answer } = exchange;
  const { driver, transport } = run.session;
  // Every look may cost a register access.
  const interrupts = watched ? interruptsOf(exchange, run) : undefined;
  const config = driver.configVector;
  const inConfig = config === undefined ? 0 : (interrupts?.byVector?.get(config) ?? 0);
  const configInterrupts = interrupts && inConfig;
  if (answer !== undefined)
    return new SeenAnswer(flight, answer, { run, interrupts, configInterrupts, entries });
  const asks = (transport.readStatus() & DeviceStatus.DEVICE_NEEDS_RESET) !== 0;
  const queue = queueKind(exchange.queue, flight.kind);
  return { outcome: asks ? 'needs_reset' : 'silent', queue, interrupts, configInterrupts };
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
  const seen = observe(flight, run, watchesInterrupts(expectation), entries);
  return matchResult(expectation, seen, run.scope, run.context);
}
