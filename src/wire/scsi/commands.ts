/** All SCSI commands that the suite knows, and the ways to find one. */
import type { Command } from './command.js';
import { MMC_COMMANDS } from './commands/mmc.js';
import { SBC_COMMANDS } from './commands/sbc.js';
import { SPC_COMMANDS } from './commands/spc.js';
import { SSC_COMMANDS } from './commands/ssc.js';
import { ZBC_COMMANDS } from './commands/zbc.js';

export const COMMANDS: readonly Command[] = [
  ...SPC_COMMANDS,
  ...SBC_COMMANDS,
  ...MMC_COMMANDS,
  ...SSC_COMMANDS,
  ...ZBC_COMMANDS,
];

const byName = new Map(COMMANDS.map((entry) => [entry.name, entry]));

/** The command of that name, as the standard writes it. */
export function commandByName(name: string): Command | undefined {
  return byName.get(name);
}

/**
 * The command that a CDB holds, preferring `standards` in their order where an opcode has several meanings
 * (READ(6) of disks and tapes, say).
 */
export function commandOfCdb(
  cdb: Uint8Array,
  standards: readonly Command['standard'][] = ['SPC', 'SBC', 'ZBC', 'MMC', 'SSC'],
): Command | undefined {
  let best: Command | undefined;
  for (const entry of COMMANDS) {
    if (entry.opcode !== cdb[0] || !standards.includes(entry.standard)) continue;
    if (entry.serviceAction) {
      const [, last, bit, bits] = entry.serviceAction.at;
      const byte = bits > 8 ? ((cdb[last - 1] ?? 0) << 8) | (cdb[last] ?? 0) : (cdb[last] ?? 0);
      if (((byte >> bit) & ((1 << bits) - 1)) !== entry.serviceAction.value) continue;
    }
    if (best === undefined || standards.indexOf(entry.standard) < standards.indexOf(best.standard))
      best = entry;
  }
  return best;
}
