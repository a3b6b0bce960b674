/** Deviations in removing a medium, starting and stopping, and reserving a unit. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { Cdrom } from '../units/cdrom.js';
import { type CommandResult, GOOD, goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Disk } from '../units/disk.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { Sense } from '../units/sense.js';
import { MEDIA_BLOCKS } from '../units/tray.js';
import { acting, cdb, edited, ending, idle, named, refused, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const PREVENT = 'PREVENT ALLOW MEDIUM REMOVAL';
const STARTS = ['START STOP UNIT', 'START STOP UNIT (MMC)'];
const ejecting = (call: CommandCall): boolean =>
  named(call, ...STARTS) &&
  call.fields.loej === 1n &&
  call.fields.start === 0n &&
  (call.fields.power_condition ?? call.fields.power_conditions) === 0n;
const CONFLICT: CommandResult = { status: ScsiStatus['RESERVATION CONFLICT'] };
export const isEmpty = (unit: LogicalUnit): boolean =>
  (unit instanceof Cdrom || unit instanceof Disk) && unit.tray.medium === undefined;

export const MEDIUM_REMOVAL_MUTANTS: readonly Mutant[] = [
  idle('prevent.not-obeyed', 'PREVENT ALLOW MEDIUM REMOVAL is GOOD and prevents nothing.', (call) =>
    named(call, PREVENT),
  ),
  {
    id: 'prevent.outlives-reset',
    sentence: 'Only PREVENT ALLOW MEDIUM REMOVAL ends a prevention.',
    source: 'layout',
    apply: (behaviours) => {
      const prevented = new Map<string, boolean>();
      behaviours.perform = (call, run) => {
        const key = JSON.stringify(call.destination, (name, value) => (name === 'unit' ? undefined : value));
        if (named(call, PREVENT)) prevented.set(key, call.fields.prevent === 1n);
        if (ejecting(call) && prevented.get(key))
          return { status: ScsiStatus['CHECK CONDITION'], sense: Sense.MEDIUM_REMOVAL_PREVENTED };
        return run();
      };
    },
  },
  ending('no-medium.capacity-told', 'READ CAPACITY(10) without a medium returns zeros.', (result, call) =>
    named(call, 'READ CAPACITY(10)') && isEmpty(call.unit) ? goodWith(new Uint8Array(8)) : result,
  ),
  ending('no-medium.becoming-ready', 'A unit without a medium says that it is becoming ready.', (result) =>
    refused(result, Sense.MEDIUM_NOT_PRESENT.asc)
      ? { ...result, sense: { ...Sense.NOT_READY_STOPPED, ascq: 0x01 } }
      : result,
  ),
  ending(
    'no-medium.disk-goes-on',
    'A disk without a medium refuses no command but TEST UNIT READY.',
    (result, call) =>
      call.unit instanceof Disk &&
      refused(result, Sense.MEDIUM_NOT_PRESENT.asc) &&
      !named(call, 'TEST UNIT READY')
        ? { ...GOOD, taken: call.task.dataOutLength }
        : result,
  ),
  acting(
    'start-stop.load-clears',
    'A disk that loads its medium leaves zeros in the first block.',
    (call, disk, run) => {
      const result = run();
      if (named(call, 'START STOP UNIT') && call.fields.loej === 1n && disk.tray.medium)
        disk.writeBlocks(0n, new Uint8Array(disk.blockSize));
      return result;
    },
  ),
  acting(
    'medium.capacity-kept',
    'A removable disk tells the size of its first medium whatever is in it.',
    (call, disk, run) => {
      const result = run();
      return named(call, 'READ CAPACITY(10)') && disk.removable
        ? edited(result, (data) =>
            new DataView(data.buffer).setUint32(0, Number(MEDIA_BLOCKS.disk.usual) - 1),
          )
        : result;
    },
  ),
  refusing(
    'no-medium.prevent-refused',
    'PREVENT ALLOW MEDIUM REMOVAL needs a medium.',
    (call) => named(call, PREVENT) && isEmpty(call.unit),
    Sense.NO_MEDIUM_TRAY_OPEN,
  ),
  cdb('start-stop.power-condition-ignored', 'POWER CONDITION is not looked at.', (bytes, call) => {
    if (named(call, ...STARTS)) bytes[4] = (bytes[4] ?? 0) & 0x0f;
  }),
  cdb('start-stop.stop-ejects', 'A drive ejects its medium whenever it is stopped.', (bytes, call) => {
    if (named(call, 'START STOP UNIT (MMC)') && ((bytes[4] ?? 0) & 0xf1) === 0) bytes[4] = 0x02;
  }),
  ending('inquiry.rmb-clear', 'No unit says that its medium can be removed.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 0n
      ? edited(result, (data) => {
          if (data.length > 1) data[1] = 0;
        })
      : result,
  ),
  cdb('event-status.asynchronous', 'Events are told without POLLED.', (bytes, call) => {
    if (named(call, 'GET EVENT STATUS NOTIFICATION')) bytes[1] = (bytes[1] ?? 0) | 1;
  }),
  refusing('prevent.disk-refused', 'A disk refuses PREVENT ALLOW MEDIUM REMOVAL.', (call) =>
    named(call, PREVENT),
  ),
  ending(
    'prevent.obsolete-unknown',
    'Obsolete PREVENT values are an unknown operation code.',
    (result, call) =>
      named(call, PREVENT) && refused(result) ? { ...result, sense: Sense.INVALID_OPCODE } : result,
  ),
  refusing(
    'start-stop.start-refused',
    'A unit that is ready refuses to be started.',
    (call) => named(call, 'START STOP UNIT') && call.fields.start === 1n,
  ),
  ending('start-stop.other-reason', 'A stopped unit says that it is becoming ready.', (result) =>
    refused(result, Sense.NOT_READY_STOPPED.asc) && result.sense
      ? { ...result, sense: { ...result.sense, ascq: 0x01 } }
      : result,
  ),
  refusing(
    'start-stop.fixed-ejects',
    'A disk whose medium stays says that it has none when it is told to eject it.',
    (call) => named(call, 'START STOP UNIT') && ejecting(call),
    Sense.NO_MEDIUM_TRAY_OPEN,
  ),
  ending('reserve.conflict-with-itself', 'RELEASE(6) conflicts with its own reservation.', (result, call) =>
    named(call, 'RELEASE(6)') ? CONFLICT : result,
  ),
  cdb('reserve.extents-ignored', 'RESERVE(6) does not look at its extents bit.', (bytes, call) => {
    if (named(call, 'RESERVE(6)')) bytes[1] = 0;
  }),
];
