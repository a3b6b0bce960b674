/** What drives and removable disks have in common: letting a medium in and out (SPC-5, SBC-4, MMC-6). */
import { GOOD } from '../command-result.js';
import { type CommandEntry, invalidNamed } from '../command-table.js';
import { CheckCondition, Sense } from '../sense.js';
import type { Tray } from '../tray.js';

/** A unit with a medium that START STOP UNIT moves. */
export interface MediumMover {
  readonly tray: Tray<unknown>;
  /** Lets the medium out. */
  open(): void;
}

/** START STOP UNIT with LOEJ: the medium comes in, or goes out unless that is prevented. Throws `CheckCondition`. */
export function moveMedium(unit: MediumMover, start: boolean): void {
  if (start) {
    unit.tray.close();
    return;
  }
  if (unit.tray.removalPrevented) throw new CheckCondition(Sense.MEDIUM_REMOVAL_PREVENTED);
  unit.open();
}

export function preventAllow(tray: Tray<unknown>): CommandEntry {
  return {
    name: 'PREVENT ALLOW MEDIUM REMOVAL',
    accepts: ['prevent'],
    run: (call) => {
      // 10b and 11b are obsolete; the persistent form of MMC, bit 1, is not supported.
      if ((call.fields.prevent ?? 0n) > 1n) throw invalidNamed(call.command, 'prevent');
      tray.removalPrevented = call.fields.prevent === 1n;
      return GOOD;
    },
  };
}
