/** READ and WRITE of a disk (SBC-4). */
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import type { CommandCall, CommandEntry } from '../command-table.js';
import type { Disk } from '../disk.js';

/** DPO is a hint; FUA is always so, since nothing is cached; GROUP NUMBER is not evaluated. */
const HINTS = ['dpo', 'fua', 'group_number'];

/** A range of blocks named by a CDB. */
export function blockRange(call: CommandCall): { lba: bigint; blocks: bigint } {
  return { lba: call.fields.lba ?? 0n, blocks: call.fields.blocks ?? 0n };
}

/** Reads blocks; the range has been checked. */
function read(disk: Disk, lba: bigint, blocks: bigint): CommandResult {
  disk.checkRange(lba, blocks);
  return goodWith(disk.readBlocks(lba, Number(blocks)));
}

function write(disk: Disk, call: CommandCall, lba: bigint, blocks: bigint): CommandResult {
  disk.checkWritable();
  disk.checkRange(lba, blocks);
  const length = Number(blocks) * disk.blockSize;
  disk.writeBlocks(lba, call.task.dataOut(length));
  return goodAfter(length);
}

/** READ(10) and WRITE(10). */
export function readWrite(disk: Disk): CommandEntry[] {
  return [
    {
      name: 'READ(10)',
      accepts: ['lba', 'blocks', ...HINTS],
      run: (call) => {
        const { lba, blocks } = blockRange(call);
        return read(disk, lba, blocks);
      },
    },
    {
      name: 'WRITE(10)',
      accepts: ['lba', 'blocks', ...HINTS],
      run: (call) => {
        const { lba, blocks } = blockRange(call);
        return write(disk, call, lba, blocks);
      },
    },
  ];
}
