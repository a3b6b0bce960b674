/** PERSISTENT RESERVE IN and OUT, RESERVE(6) and RELEASE(6) (SPC-5, SPC-2). */
import { be16, be32, be64, bytes, struct, u8 } from '../../../wire/layout.js';
import { ScsiStatus } from '../../../wire/scsi/status.js';
import { type CommandResult, GOOD, goodAfter, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { PersistentReservation, type ReservationOutcome } from '../persistent-reservation.js';
import { CheckCondition, Sense } from '../sense.js';
import { invalidParameter } from './provisioning.js';

const parameterList = struct('PERSISTENT RESERVE OUT parameter list', {
  reservation_key: be64,
  service_action_reservation_key: be64,
  obsolete: bytes(4),
  /** SPEC_I_PT bit 3, ALL_TG_PT bit 2, APTPL bit 0. */
  flags: u8,
  reserved: bytes(3),
});
const keyHeader = struct('PERSISTENT RESERVE IN header', { generation: be32, additional_length: be32 });
const reservationDescriptor = struct('READ RESERVATION descriptor', {
  reservation_key: be64,
  obsolete: bytes(4),
  reserved: u8,
  /** SCOPE bits 7-4, TYPE bits 3-0. */
  scope_type: u8,
  obsolete_extent: bytes(2),
});
const capabilities = struct('REPORT CAPABILITIES data', {
  length: be16,
  flags: u8,
  /** TMV bit 7. */
  validity: u8,
  /** WR_EX_AR 80h, EX_AC_RO 40h, WR_EX_RO 20h, EX_AC 08h, WR_EX 02h. */
  types: u8,
  /** EX_AC_AR bit 0. */
  more_types: u8,
  reserved: bytes(2),
});

const TMV = 0x80;
const ALL_BUT_ONE_TYPE = 0x80 | 0x40 | 0x20 | 0x08 | 0x02;
const EX_AC_AR = 0x01;
const CONFLICT: CommandResult = { status: ScsiStatus['RESERVATION CONFLICT'] };

function keyList(reservation: PersistentReservation): Uint8Array {
  const { key, generation } = reservation;
  const list = new Uint8Array(key === 0n ? 0 : 8);
  if (key !== 0n) new DataView(list.buffer).setBigUint64(0, key);
  return Uint8Array.of(...keyHeader.encode({ generation, additional_length: list.length }), ...list);
}

function reservationData({ held, generation, shownKey }: PersistentReservation): Uint8Array {
  const body =
    held === undefined
      ? new Uint8Array(0)
      : reservationDescriptor.encode({ reservation_key: shownKey, scope_type: held });
  return Uint8Array.of(...keyHeader.encode({ generation, additional_length: body.length }), ...body);
}

/** Neither TransportIDs, nor all target ports, nor a registration that outlives the power (all capability bits are 0). */
function readList(call: CommandCall): { key: bigint; actionKey: bigint } {
  if (Number(call.fields.parameter_list_length) !== parameterList.size)
    throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR);
  const list = parameterList.read(call.task.dataOut(parameterList.size));
  if (list.flags !== 0) throw invalidParameter(parameterList.fields.flags.offset, parameterList.size);
  return { key: list.reservation_key, actionKey: list.service_action_reservation_key };
}

function finish(outcome: ReservationOutcome): CommandResult {
  switch (outcome) {
    case 'good':
      return goodAfter(parameterList.size);
    case 'conflict':
      return { ...CONFLICT, taken: parameterList.size };
    case 'invalid-parameter':
      throw invalidParameter(parameterList.fields.service_action_reservation_key.offset, parameterList.size);
    case 'invalid-release':
      throw new CheckCondition(Sense.INVALID_RELEASE, parameterList.size);
  }
}

/** TYPE of a CDB that makes or ends a reservation; the only SCOPE is the logical unit, 0. */
function reservationType(call: CommandCall): number {
  if (call.fields.scope !== 0n) throw invalidNamed(call.command, 'scope');
  const type = Number(call.fields.type);
  if (!PersistentReservation.isType(type)) throw invalidNamed(call.command, 'type');
  return type;
}

type Action = (
  held: PersistentReservation,
  call: CommandCall,
  key: bigint,
  actionKey: bigint,
) => ReservationOutcome;

const ACTIONS: Readonly<Record<string, Action>> = {
  REGISTER: (held, _call, key, actionKey) => held.register(actionKey, key),
  'REGISTER AND IGNORE EXISTING KEY': (held, _call, _key, actionKey) => held.register(actionKey),
  RESERVE: (held, call, key) => held.reserve(key, reservationType(call)),
  RELEASE: (held, call, key) => held.release(key, reservationType(call)),
  CLEAR: (held, _call, key) => held.clear(key),
  PREEMPT: (held, call, key, actionKey) => held.preempt(key, actionKey, reservationType(call)),
};

export function persistentReserve(disk: Disk): CommandEntry[] {
  const held = disk.reservation;
  const read = (action: string, data: () => Uint8Array): CommandEntry => ({
    name: `PERSISTENT RESERVE IN / ${action}`,
    accepts: ['allocation_length'],
    run: (call) => goodWith(allocated(call, data())),
  });
  const outs = Object.entries(ACTIONS).map(
    ([action, work]): CommandEntry => ({
      name: `PERSISTENT RESERVE OUT / ${action}`,
      accepts: ['scope', 'type', 'parameter_list_length'],
      run: (call) => {
        const { key, actionKey } = readList(call);
        return finish(work(held, call, key, actionKey));
      },
    }),
  );
  return [
    read('READ KEYS', () => keyList(held)),
    read('READ RESERVATION', () => reservationData(held)),
    read('REPORT CAPABILITIES', () =>
      capabilities.encode({
        length: capabilities.size,
        validity: TMV,
        types: ALL_BUT_ONE_TYPE,
        more_types: EX_AC_AR,
      }),
    ),
    ...outs,
    // With one initiator they hinder nobody, but they exclude the persistent kind.
    ...['RESERVE(6)', 'RELEASE(6)'].map((name) => ({
      name,
      accepts: [],
      run: () => (held.key === 0n ? GOOD : CONFLICT),
    })),
  ];
}
