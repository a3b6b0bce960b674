/** Commands that move or compare blocks (SBC-4). */

import type { BlockUnit } from '../block-unit.js';
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import { type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { protectionTuple } from '../protection.js';
import { CheckCondition, Sense } from '../sense.js';
import { checkProtection, protects, storedProtection } from './protected-blocks.js';

/** DPO and RARC are hints; FUA is always fulfilled, since nothing is cached; GROUP NUMBER is not evaluated. */
const READ_HINTS = ['dpo', 'fua', 'rarc', 'group_number'];
const WRITE_HINTS = ['dpo', 'fua', 'group_number'];
const VERIFY_HINTS = ['dpo', 'group_number'];

interface Range {
  readonly lba: bigint;
  readonly blocks: number;
  readonly bytes: number;
}

/**
 * The range that a CDB names, checked: all blocks exist, and there are no more than the unit moves at once (VPD page
 * B0h, MAXIMUM TRANSFER LENGTH). The address comes first, so a range that is wrong twice is out of range.
 */
export function transferRange(unit: BlockUnit, call: CommandCall): Range {
  const lba = call.fields.lba ?? 0n;
  const named = call.fields.blocks ?? 0n;
  const blocks = call.command.dataLength === 'blocks_0_is_256' && named === 0n ? 256n : named;
  unit.checkRange(lba, blocks);
  if (blocks > BigInt(unit.limits.transferBlocks)) throw invalidNamed(call.command, 'blocks');
  return { lba, blocks: Number(blocks), bytes: Number(blocks) * unit.blockSize };
}

function read(unit: BlockUnit, call: CommandCall): CommandResult {
  const { lba, blocks } = transferRange(unit, call);
  return goodWith(unit.readBlocks(lba, blocks));
}

function protectedRead(disk: Disk, call: CommandCall): CommandResult {
  const result = read(disk, call);
  const { data } = result;
  if (data === undefined || !protects(call, 'rdprotect')) return result;
  const lba = call.fields.lba ?? 0n;
  const protection = storedProtection(disk, lba, data);
  checkProtection(disk, call, 'rdprotect', { lba, data, protection });
  return { ...result, protection };
}

function write(disk: Disk, call: CommandCall): CommandResult {
  // A verification after writing with BYTCHK 01b compares what was written just now, and 1xb is reserved.
  if ((call.fields.bytchk ?? 0n) > 1n) throw invalidNamed(call.command, 'bytchk');
  disk.checkWritable();
  const { lba, blocks, bytes } = transferRange(disk, call);
  const data = call.task.dataOut(bytes);
  if (!protects(call, 'wrprotect')) {
    disk.writeBlocks(lba, data);
    return goodAfter(bytes);
  }
  const protection = call.task.piOut(blocks * protectionTuple.size);
  checkProtection(disk, call, 'wrprotect', { lba, data, protection });
  disk.writeBlocks(lba, data, protection);
  return goodAfter(bytes);
}

/** First byte at which two runs of equal length differ. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return at;
  return -1;
}

const ByteCheck = { MEDIUM_ONLY: 0n, ALL_BLOCKS: 1n, RESERVED: 2n, ONE_BLOCK: 3n } as const;

function verify(disk: Disk, call: CommandCall): CommandResult {
  const check = call.fields.bytchk;
  if (check === ByteCheck.RESERVED) throw invalidNamed(call.command, 'bytchk');
  const { lba, blocks, bytes } = transferRange(disk, call);
  if (check === ByteCheck.MEDIUM_ONLY) return goodAfter(0);
  const size = check === ByteCheck.ONE_BLOCK ? disk.blockSize : bytes;
  const expected = call.task.dataOut(size);
  const step = check === ByteCheck.ONE_BLOCK ? 1 : blocks;
  for (let at = 0; at < blocks; at += step)
    if (firstDifference(disk.readBlocks(lba + BigInt(at), step), expected) >= 0)
      throw new CheckCondition(Sense.MISCOMPARE, size);
  return goodAfter(size);
}

/** COMPARE AND WRITE: on a difference INFORMATION holds the offset of the first differing byte. */
function compareAndWrite(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const { lba, blocks, bytes } = transferRange(disk, call);
  if (blocks > disk.limits.compareBlocks) throw invalidNamed(call.command, 'blocks');
  const data = call.task.dataOut(2 * bytes);
  const at = firstDifference(disk.readBlocks(lba, blocks), data.subarray(0, bytes));
  if (at >= 0) throw new CheckCondition({ ...Sense.MISCOMPARE, information: BigInt(at) }, 2 * bytes);
  disk.writeBlocks(lba, data.subarray(bytes));
  return goodAfter(2 * bytes);
}

/** XDWRITEREAD: the blocks as they were XOR the data that came, which is written unless DISABLE WRITE says otherwise. */
function exclusiveOr(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const { lba, blocks, bytes } = transferRange(disk, call);
  const data = call.task.dataOut(bytes);
  const result = disk.readBlocks(lba, blocks).map((byte, at) => byte ^ (data[at] ?? 0));
  if (call.fields.disable_write !== 1n) disk.writeBlocks(lba, data);
  return { ...goodWith(result), taken: bytes };
}

/** Commands that read blocks, by their names. */
export function readCommands(unit: BlockUnit, names: readonly string[]): CommandEntry[] {
  return names.map((name) => ({
    name,
    accepts: ['lba', 'blocks', ...(name === 'READ(6)' ? [] : READ_HINTS)],
    needsMedium: true,
    run: (call) => read(unit, call),
  }));
}

export function readWrite(disk: Disk): CommandEntry[] {
  const entry = (
    names: readonly string[],
    accepts: readonly string[],
    work: (disk: Disk, call: CommandCall) => CommandResult,
  ): CommandEntry[] =>
    names.map((name) => ({ name, accepts, needsMedium: true, run: (call) => work(disk, call) }));
  return [
    ...(disk.protection
      ? [
          ...readCommands(disk, ['READ(6)']),
          ...entry(
            ['READ(10)', 'READ(12)', 'READ(16)'],
            ['lba', 'blocks', ...READ_HINTS, 'rdprotect'],
            protectedRead,
          ),
        ]
      : readCommands(disk, ['READ(6)', 'READ(10)', 'READ(12)', 'READ(16)'])),
    ...entry(['WRITE(6)'], ['lba', 'blocks'], write),
    ...entry(
      ['WRITE(10)', 'WRITE(12)', 'WRITE(16)'],
      ['lba', 'blocks', ...WRITE_HINTS, ...(disk.protection ? ['wrprotect'] : [])],
      write,
    ),
    ...entry(
      ['WRITE AND VERIFY(10)', 'WRITE AND VERIFY(12)', 'WRITE AND VERIFY(16)'],
      ['lba', 'blocks', 'bytchk', ...VERIFY_HINTS],
      write,
    ),
    ...entry(
      ['VERIFY(10)', 'VERIFY(12)', 'VERIFY(16)'],
      ['lba', 'blocks', 'bytchk', ...VERIFY_HINTS],
      verify,
    ),
    ...entry(['XDWRITEREAD(10)'], ['lba', 'blocks', 'disable_write', ...WRITE_HINTS], exclusiveOr),
    ...entry(['COMPARE AND WRITE'], ['lba', 'blocks', ...WRITE_HINTS], compareAndWrite),
  ];
}
