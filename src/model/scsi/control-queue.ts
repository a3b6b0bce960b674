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
import type { ControlAnswer } from './control-answer.js';
import type { Destination } from './topology.js';

/** What the control queue needs of the device. */
export interface ControlHost {
  resolve(lun: Uint8Array): Destination;
  /** Carries out a function of task management and returns its response. All its effects are done on return. */
  manage(subtype: number, destination: Destination, tag: bigint): number;
  /** Subscribes to asynchronous events of a unit, or only asks (`subscribe` false); returns those it supports. */
  asyncEvents(destination: Destination, requested: number, subscribe: boolean): number;
  adjust(answer: ControlAnswer): ControlAnswer;
}

/** The answer to a control request as bytes of its writable part. Throws `DriverError` when there is no room for any. */
export function controlAnswer(chain: Chain, order: ByteOrder, host: ControlHost): Uint8Array {
  if (chain.writableLength === 0) throw new DriverError('a control request without room for a response');
  const type =
    chain.readableLength >= 4
      ? virtioScsiCtrlTmf.fields.type.kind.read(viewOf(chain.read(0, 4)), 0, order === 'little')
      : -1;
  switch (type) {
    case ControlType.TMF:
      return manage(chain, order, host);
    case ControlType.AN_QUERY:
    case ControlType.AN_SUBSCRIBE:
      return notification(chain, order, host, type);
    default:
      return refusal(chain);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A request that cannot be read: the response is the last byte of its writable part, whatever else is there. */
function refusal(chain: Chain): Uint8Array {
  const bytes = new Uint8Array(Math.min(chain.writableLength, virtioScsiCtrlAnResp.size));
  bytes[bytes.length - 1] = ControlResponse.FAILURE;
  return bytes;
}

function manage(chain: Chain, order: ByteOrder, host: ControlHost): Uint8Array {
  if (chain.readableLength < virtioScsiCtrlTmf.size) return refusal(chain);
  const { subtype, lun, id } = virtioScsiCtrlTmf.read(chain.read(0, virtioScsiCtrlTmf.size), 0, order);
  const answer = host.adjust({
    type: 'tmf',
    subtype,
    response: manageResponse(subtype, host.resolve(lun), id, host),
    eventActual: 0,
  });
  return virtioScsiCtrlTmfResp.encode({ response: answer.response });
}

function manageResponse(subtype: number, destination: Destination, tag: bigint, host: ControlHost): number {
  if (!destination.target && !destination.unit) return ControlResponse.BAD_TARGET;
  // The nexus has no unit, so bytes 2 and 3 of lun say nothing.
  if (!destination.unit && subtype !== Tmf.I_T_NEXUS_RESET) return ControlResponse.INCORRECT_LUN;
  return host.manage(subtype, destination, tag);
}

function notification(chain: Chain, order: ByteOrder, host: ControlHost, type: number): Uint8Array {
  if (chain.readableLength < virtioScsiCtrlAn.size || chain.writableLength < virtioScsiCtrlAnResp.size)
    return refusal(chain);
  const request = virtioScsiCtrlAn.read(chain.read(0, virtioScsiCtrlAn.size), 0, order);
  const destination = host.resolve(request.lun);
  const known = destination.unit !== undefined;
  const answer = host.adjust({
    type: 'an',
    subtype: type,
    response: known
      ? ControlResponse.FUNCTION_COMPLETE
      : destination.target
        ? ControlResponse.INCORRECT_LUN
        : ControlResponse.BAD_TARGET,
    eventActual: known
      ? host.asyncEvents(destination, request.event_requested, type === ControlType.AN_SUBSCRIBE)
      : 0,
  });
  return virtioScsiCtrlAnResp.encode({ event_actual: answer.eventActual, response: answer.response }, order);
}
