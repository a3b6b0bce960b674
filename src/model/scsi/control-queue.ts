/** Control requests: task management and asynchronous notification ("Device Operation: controlq"). */
import type { ByteOrder } from '../../wire/layout.js';
import {
  ControlResponse,
  ControlType,
  Tmf,
  virtioScsiCtrlAn,
  virtioScsiCtrlAnResp,
  virtioScsiCtrlTmf,
  virtioScsiCtrlTmfResp,
} from '../../wire/virtio-scsi.js';
import { DriverError } from '../errors.js';
import type { Chain } from '../virtio/chain.js';
import { storeAnswer } from './answer.js';
import type { ControlAnswer, ControlContext, ControlRequest } from './control-answer.js';
import type { ManagementCall } from './task-management.js';
import type { Destination } from './topology.js';

/** What the control queue needs of the device. */
export interface ControlHost {
  resolve(lun: Uint8Array): Destination;
  /** Carries out a function of task management and returns its response. All its effects are done on return. */
  manage(call: ManagementCall): number;
  /** Subscribes to asynchronous events of a unit, or only asks (`subscribe` false); returns those it supports. */
  asyncEvents(destination: Destination, requested: number, subscribe: boolean): number;
  /** The type of a request as the device understands it. */
  typeOf(type: number): number;
  /** The request as the device understands it. */
  understand(request: ControlRequest, chain: Chain): ControlRequest;
  adjust(answer: ControlAnswer, context: ControlContext): ControlAnswer;
}

/** Carries out a control request. Throws `DriverError` when there is no room for any response. */
export function answerControl(chain: Chain, order: ByteOrder, host: ControlHost): ControlAnswer {
  if (chain.writableLength === 0) throw new DriverError('a control request without room for a response');
  const request = readRequest(chain, order, host);
  const answer = request === undefined ? REFUSAL : carryOut(request, host);
  return host.adjust(answer, { chain, ...(request && { request }) });
}

/** A request that cannot be read, or is of an unknown type. */
const REFUSAL: ControlAnswer = {
  type: 'unknown',
  response: ControlResponse.FAILURE,
  eventActual: 0,
  unwritten: [],
};

/** The request, unless it is of an unknown type or too short for its own. */
function readRequest(chain: Chain, order: ByteOrder, host: ControlHost): ControlRequest | undefined {
  if (chain.readableLength < 4) return undefined;
  const head = chain.read(0, virtioScsiCtrlTmf.size);
  const type = host.typeOf(
    virtioScsiCtrlTmf.fields.type.kind.read(
      new DataView(head.buffer, head.byteOffset, head.length),
      0,
      order === 'little',
    ),
  );
  switch (type) {
    case ControlType.TMF: {
      if (head.length < virtioScsiCtrlTmf.size) return undefined;
      const { subtype, lun, id } = virtioScsiCtrlTmf.read(head, 0, order);
      return host.understand({ type, subtype, lun, id, eventRequested: 0 }, chain);
    }
    case ControlType.AN_QUERY:
    case ControlType.AN_SUBSCRIBE: {
      if (head.length < virtioScsiCtrlAn.size || chain.writableLength < virtioScsiCtrlAnResp.size)
        return undefined;
      const { lun, event_requested } = virtioScsiCtrlAn.read(head, 0, order);
      return host.understand({ type, subtype: 0, lun, id: 0n, eventRequested: event_requested }, chain);
    }
    default:
      return undefined;
  }
}

function carryOut(request: ControlRequest, host: ControlHost): ControlAnswer {
  const destination = host.resolve(request.lun);
  const missing = missingResponse(destination, request);
  if (request.type === ControlType.TMF)
    return {
      type: 'tmf',
      response: missing ?? host.manage({ subtype: request.subtype, destination, tag: request.id }),
      eventActual: 0,
      unwritten: [],
    };
  return {
    type: 'an',
    response: missing ?? ControlResponse.FUNCTION_COMPLETE,
    eventActual:
      missing === undefined
        ? host.asyncEvents(destination, request.eventRequested, request.type === ControlType.AN_SUBSCRIBE)
        : 0,
    unwritten: [],
  };
}

/** The response to a request whose destination is not there. */
function missingResponse(
  { target, unit }: Destination,
  { type, subtype }: ControlRequest,
): number | undefined {
  if (!target && !unit) return ControlResponse.BAD_TARGET;
  // The nexus has no unit, so bytes 2 and 3 of lun say nothing.
  const wholeNexus = type === ControlType.TMF && subtype === Tmf.I_T_NEXUS_RESET;
  return unit || wholeNexus ? undefined : ControlResponse.INCORRECT_LUN;
}

/**
 * Stores the answer in the writable part and returns how far that reaches. The response to an unknown type is the last
 * byte, whatever else is there.
 */
export function storeControlAnswer(answer: ControlAnswer, chain: Chain, order: ByteOrder): number {
  const bytes = encodeControlAnswer(answer, order, chain.writableLength);
  storeAnswer(bytes, answer.unwritten, (offset, part) => chain.write(offset, part));
  return bytes.length;
}

function encodeControlAnswer(answer: ControlAnswer, order: ByteOrder, room: number): Uint8Array {
  const { type, response, eventActual } = answer;
  if (type === 'tmf') return virtioScsiCtrlTmfResp.encode({ response });
  if (type === 'an') return virtioScsiCtrlAnResp.encode({ event_actual: eventActual, response }, order);
  const bytes = new Uint8Array(Math.min(room, virtioScsiCtrlAnResp.size));
  bytes[bytes.length - 1] = response;
  return bytes;
}
