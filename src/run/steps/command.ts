/** `command`: one SCSI command. */
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveCommand, resolveCuts, unitOf } from '../../cases/resolve.js';
import type { CommandSpec, CommandStep, Layout } from '../../cases/types.js';
import {
  type RequestLayout,
  type RequestSizes,
  readableSize,
  type ScsiRequest,
  writableSize,
} from '../../harness/request.js';
import { QueueIndex } from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';
import { send } from './send.js';

/** Where a layout puts its pieces: header and data apart, as drivers usually send them, unless it says otherwise. */
export function cutsOf(
  layout: Layout,
  readable: number,
  writable: number,
  unit: string | undefined,
  run: CaseRun,
): Pick<RequestLayout, 'out' | 'in' | 'indirectFrom'> {
  const { scope, context } = run;
  const { indirect } = layout;
  return {
    ...(layout.out && { out: resolveCuts(layout.out, readable, scope, context, unit) }),
    ...(layout.in && { in: resolveCuts(layout.in, writable, scope, context, unit) }),
    ...(indirect === 'all' && { indirectFrom: 0 }),
    ...(indirect === 'none' && { indirectFrom: 'none' as const }),
    ...(typeof indirect === 'object' && {
      indirectFrom: evaluateNumber(indirect.from, scope, context, 65535),
    }),
  };
}

/** A command as a request, with the tag that the harness chooses where the case gives none. */
export function requestOf(
  spec: CommandSpec,
  run: CaseRun,
): { readonly request: ScsiRequest; readonly cdbLength: bigint | undefined } {
  const command = resolveCommand(spec, run.scope, run.context);
  return {
    request: {
      lun: command.lun,
      id: command.tag ?? run.session.driver.nextId(),
      task_attr: command.attr,
      prio: command.prio,
      crn: command.crn,
      cdb: command.cdb,
      ...(command.dataOut.length > 0 && { dataOut: command.dataOut }),
      dataInSize: command.dataIn,
      ...(command.piOut.length > 0 && { piOut: command.piOut }),
      piInSize: command.piIn,
    },
    cdbLength: command.cdbLength,
  };
}

/** The sizes that a layout asks for, where it differs from what the device announces. */
function sizesOf({ cdbSize, senseSize, piHeader }: Layout, run: CaseRun): RequestSizes {
  const { sizes } = run.session.driver.state;
  const { scope, context } = run;
  const header = piHeader ?? sizes.piHeader;
  return {
    ...(header && { piHeader: header }),
    cdbSize: cdbSize ? evaluateNumber(cdbSize, scope, context, 65536) : sizes.cdbSize,
    senseSize: senseSize ? evaluateNumber(senseSize, scope, context, 65536) : sizes.senseSize,
  };
}

function stageCommand(step: CommandStep, run: CaseRun): Flight {
  const { request, cdbLength } = requestOf(step, run);
  const sizes = sizesOf(step.layout, run);
  const [readable, writable] = [readableSize(request, sizes), writableSize(request, sizes)];
  const layout = { sizes, ...cutsOf(step.layout, readable, writable, unitOf(step.lun), run) };
  const queue = evaluateNumber(step.queue, run.scope, run.context, 65535) - QueueIndex.REQUEST;
  const exchange = run.session.driver.stage({ ...request, layout }, queue, step.staged === 'tail');
  return {
    kind: 'command',
    exchange,
    tag: request.id,
    ...(cdbLength !== undefined && { cdbLength }),
    staged: true,
    judged: false,
  };
}

export function executeCommand(step: CommandStep, run: CaseRun): void {
  send(step, run, () => stageCommand(step, run));
}
