/** Commands that manage the medium without moving data (SBC-4, SPC-5). */
import { ScsiStatus } from '../../../wire/scsi/status.js';
import { type CommandResult, GOOD } from '../command-result.js';
import { type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { moveMedium, preventAllow } from './medium-removal.js';

/** Power conditions that the unit can be asked for; in all of them it answers at once. */
const PowerCondition = { START_VALID: 0n, ACTIVE: 1n, IDLE: 2n, STANDBY: 3n } as const;

/** A range in which 0 blocks means "to the end". */
function checkToTheEnd(disk: Disk, call: CommandCall, blocks: bigint | undefined): void {
  const lba = call.fields.lba ?? 0n;
  disk.checkRange(lba, blocks ?? 0n);
}

function synchronizeCache(disk: Disk): CommandEntry[] {
  return ['SYNCHRONIZE CACHE(10)', 'SYNCHRONIZE CACHE(16)'].map((name) => ({
    name,
    accepts: ['immed', 'lba', 'group_number', 'blocks'],
    needsMedium: true,
    run: (call) => {
      checkToTheEnd(disk, call, call.fields.blocks);
      return GOOD;
    },
  }));
}

/** CONDITION MET says that all blocks fit into the cache: there is no cache that could be too small. */
function preFetch(disk: Disk): CommandEntry[] {
  return ['PRE-FETCH(10)', 'PRE-FETCH(16)'].map((name) => ({
    name,
    accepts: ['immed', 'lba', 'group_number', 'prefetch_length'],
    needsMedium: true,
    run: (call) => {
      checkToTheEnd(disk, call, call.fields.prefetch_length);
      return { status: ScsiStatus['CONDITION MET'] };
    },
  }));
}

function startStop(disk: Disk, call: CommandCall): CommandResult {
  const { power_condition: power, loej, start } = call.fields;
  if (power !== PowerCondition.START_VALID) {
    if ((power ?? 0n) > PowerCondition.STANDBY) throw invalidNamed(call.command, 'power_condition');
    // START and LOEJ count only with START_VALID.
    disk.started = true;
    return GOOD;
  }
  if (loej === 1n) {
    if (!disk.removable) throw invalidNamed(call.command, 'loej');
    moveMedium(disk, start === 1n);
  }
  if (start === 1n) disk.requireMedium();
  disk.started = start === 1n;
  return GOOD;
}

export function mediumControl(disk: Disk): CommandEntry[] {
  return [
    ...synchronizeCache(disk),
    ...preFetch(disk),
    {
      name: 'START STOP UNIT',
      accepts: ['immed', 'power_condition', 'no_flush', 'loej', 'start'],
      run: (call) => startStop(disk, call),
    },
    preventAllow(disk.tray),
  ];
}
