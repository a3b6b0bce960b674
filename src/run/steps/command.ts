/** `command`: one SCSI command, awaited or left in flight. */
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveCommand, resolveCuts, unitOf } from '../../cases/resolve.js';
import type { CommandStep } from '../../cases/types.js';
import type { RequestLayout } from '../../harness/request.js';
import { QueueIndex, requestHeaderSize, responseHeaderSize } from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';
import { judgeAnswer, settleFlights } from './answer.js';

/** Header and data apart, as drivers usually send them. */
function layoutOf(step: CommandStep, readable: number, writable: number, run: CaseRun): RequestLayout {
  const { scope, context } = run;
  const { layout } = step;
  const unit = unitOf(step.lun);
  const indirect = layout.indirect ?? 'none';
  return {
    ...(layout.out && { out: resolveCuts(layout.out, readable, scope, context, unit) }),
    ...(layout.in && { in: resolveCuts(layout.in, writable, scope, context, unit) }),
    ...(indirect === 'all' && { indirectFrom: 0 }),
    ...(typeof indirect === 'object' && {
      indirectFrom: evaluateNumber(indirect.from, scope, context, 65535),
    }),
  };
}

/** Places a command; it is made available by the caller. */
function stage(step: CommandStep, run: CaseRun): Flight {
  const { driver } = run.session;
  const { scope, context } = run;
  const command = resolveCommand(step, scope, context);
  const { sizes } = driver.state;
  const readable = requestHeaderSize(sizes.cdbSize) + command.dataOut.length;
  const writable = responseHeaderSize(sizes.senseSize) + command.dataIn;
  const queue = evaluateNumber(step.queue, scope, context, 65535) - QueueIndex.REQUEST;
  const exchange = driver.stage(
    {
      lun: command.lun,
      id: command.tag ?? driver.nextId(),
      task_attr: command.attr,
      prio: command.prio,
      crn: command.crn,
      cdb: command.cdb,
      ...(command.dataOut.length > 0 && { dataOut: command.dataOut }),
      dataInSize: command.dataIn,
      layout: layoutOf(step, readable, writable, run),
    },
    queue,
  );
  return { step, exchange, cdbLength: command.cdbLength, staged: true, judged: false };
}

/** Makes flights available by one index update a queue, and kicks. */
export function publish(flights: readonly Flight[], run: CaseRun): void {
  for (const flight of flights) flight.staged = false;
  const [first] = flights;
  if (first) run.sending(Buffer.concat(first.exchange.placed.out.map(({ initial }) => initial)));
  run.session.driver.publish(flights.map(({ exchange }) => exchange));
}

export function executeCommand(step: CommandStep, run: CaseRun): void {
  const flight = stage(step, run);
  if (step.as !== undefined) run.flights.add(step.as, flight);
  if (step.staged !== undefined) return;
  publish([flight], run);
  if (step.as !== undefined) return;
  run.session.driver.wait([flight.exchange], step.within);
  settleFlights([flight], run);
  judgeAnswer(step.expect, flight, run);
}
