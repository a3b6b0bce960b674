/** `tmf` and `an`: requests on the control queue. */
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveInteger, resolveLun } from '../../cases/resolve.js';
import type { AnStep, TmfSpec, TmfStep } from '../../cases/types.js';
import {
  ControlType,
  virtioScsiCtrlAn,
  virtioScsiCtrlAnResp,
  virtioScsiCtrlTmf,
  virtioScsiCtrlTmfResp,
} from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import type { Flight } from '../flights.js';
import { cutsOf } from './command.js';
import { send } from './send.js';

/** Poison for `response`: a value that the standard leaves undefined. */
const UNDEFINED_RESPONSE = 0xe7;

/** The readable part of a task management request. */
export function encodeTmf(spec: TmfSpec, run: CaseRun): Uint8Array {
  const { scope, context } = run;
  const { tag } = spec;
  let id = 0n;
  if (tag !== undefined)
    id =
      'inFlight' in tag ? (run.flights.newest(tag.inFlight)?.tag ?? 0n) : resolveInteger(tag, scope, context);
  return virtioScsiCtrlTmf.encode({
    type: ControlType.TMF,
    subtype: evaluateNumber(spec.function, scope, context, 0xffffffff),
    lun: resolveLun(spec.lun, scope, context),
    id: BigInt.asUintN(64, id),
  });
}

function encodeAn(step: AnStep, run: CaseRun): Uint8Array {
  return virtioScsiCtrlAn.encode({
    type: step.request === 'query' ? ControlType.AN_QUERY : ControlType.AN_SUBSCRIBE,
    lun: resolveLun(step.lun, run.scope, run.context),
    event_requested: evaluateNumber(step.mask, run.scope, run.context, 0xffffffff),
  });
}

function stage(
  step: TmfStep | AnStep,
  readable: Uint8Array,
  answerSize: number,
  responseAt: number,
  run: CaseRun,
): Flight {
  const { driver } = run.session;
  const writable = driver.poison.take(answerSize).slice();
  writable[responseAt] = UNDEFINED_RESPONSE;
  const cuts = cutsOf(step.layout, readable.length, answerSize, undefined, run);
  const queue = evaluateNumber(step.queue, run.scope, run.context, 65535);
  const exchange = driver.stageContents(
    queue,
    { readable, writable },
    { out: cuts.out ?? [], in: cuts.in ?? [], indirectFrom: cuts.indirectFrom, tail: step.staged === 'tail' },
  );
  return { kind: step.kind, exchange, staged: true, judged: false };
}

export function executeTmf(step: TmfStep, run: CaseRun): void {
  const { size, fields } = virtioScsiCtrlTmfResp;
  send(step, run, () => stage(step, encodeTmf(step, run), size, fields.response.offset, run));
}

export function executeAn(step: AnStep, run: CaseRun): void {
  const { size, fields } = virtioScsiCtrlAnResp;
  send(step, run, () => stage(step, encodeAn(step, run), size, fields.response.offset, run));
}
