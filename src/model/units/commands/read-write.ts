/** Commands that move or compare blocks (SBC-4). */

import type { BlockUnit } from '../block-unit.js';
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import { type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { CheckCondition, Sense } from '../sense.js';
import {
  checkProtection,
  type ProtectField,
  protects,
  storedProtection,
  takenProtection,
} from './protected-blocks.js';

/** DPO and RARC are hints; FUA is always fulfilled, since nothing is cached; GROUP NUMBER is not evaluated. */
const READ_HINTS = ['dpo', 'fua', 'rarc', 'group_number'];
const WRITE_HINTS = ['dpo', 'fua', 'group_number'];
const VERIFY_HINTS = ['dpo', 'group_number'];
/** Tags that a 32-byte command tells. The application tag is the application's own (ATO): it is not checked. */
export const EXPECTED_TAGS = [
  'expected_initial_logical_block_reference_tag',
  'expected_logical_block_application_tag',
  'logical_block_application_tag_mask',
];

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

/** READ of a disk, whose blocks may come with protection information. */
function diskRead(disk: Disk, call: CommandCall): CommandResult {
  const protecting = protects(disk, call, 'rdprotect');
  const result = read(disk, call);
  const { data } = result;
  if (data === undefined || !protecting) return result;
  const lba = call.fields.lba ?? 0n;
  const protection = storedProtection(disk, lba, data);
  checkProtection(disk, call, 'rdprotect', { lba, data, protection });
  return { ...result, protection };
}

function write(disk: Disk, call: CommandCall): CommandResult {
  // A verification after writing with BYTCHK 01b compares what was written just now, and 1xb is reserved.
  if ((call.fields.bytchk ?? 0n) > 1n) throw invalidNamed(call.command, 'bytchk');
  disk.checkWritable();
  const { lba, bytes } = transferRange(disk, call);
  const data = call.task.dataOut(bytes);
  disk.writeBlocks(lba, data, takenProtection(disk, call, 'wrprotect', lba, data));
  return goodAfter(bytes);
}

/** WRITE ATOMIC: nothing is written while nobody looks on, so every write is atomic. */
function writeAtomic(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const { blocks } = transferRange(disk, call);
  if (blocks > disk.limits.atomicBlocks) throw invalidNamed(call.command, 'blocks');
  return write(disk, call);
}

/** First byte at which two runs of equal length differ. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return at;
  return -1;
}

const ByteCheck = { MEDIUM_ONLY: 0n, ALL_BLOCKS: 1n, RESERVED: 2n, ONE_BLOCK: 3n } as const;

/** Checks the protection information of blocks on the medium, as VRPROTECT or ORPROTECT says. */
function checkStored(
  disk: Disk,
  call: CommandCall,
  field: 'vrprotect' | 'orprotect',
  lba: bigint,
  data: Uint8Array,
): void {
  if (protects(disk, call, field))
    checkProtection(disk, call, field, { lba, data, protection: storedProtection(disk, lba, data) });
}

/** VERIFY: on a difference INFORMATION holds the offset of the first differing byte in data-out. */
function verify(disk: Disk, call: CommandCall): CommandResult {
  const check = call.fields.bytchk;
  if (check === ByteCheck.RESERVED) throw invalidNamed(call.command, 'bytchk');
  const { lba, blocks, bytes } = transferRange(disk, call);
  checkStored(disk, call, 'vrprotect', lba, disk.readBlocks(lba, blocks));
  if (check === ByteCheck.MEDIUM_ONLY || blocks === 0) return goodAfter(0);
  const size = check === ByteCheck.ONE_BLOCK ? disk.blockSize : bytes;
  const expected = call.task.dataOut(size);
  const step = check === ByteCheck.ONE_BLOCK ? 1 : blocks;
  for (let at = 0; at < blocks; at += step) {
    const offset = firstDifference(disk.readBlocks(lba + BigInt(at), step), expected);
    if (offset >= 0) throw new CheckCondition({ ...Sense.MISCOMPARE, information: BigInt(offset) }, size);
  }
  return goodAfter(size);
}

/** ORWRITE: what is there OR what comes. */
function orWrite(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const { lba, blocks, bytes } = transferRange(disk, call);
  const data = call.task.dataOut(bytes);
  const stored = disk.readBlocks(lba, blocks);
  checkStored(disk, call, 'orprotect', lba, stored);
  takenProtection(disk, call, 'orprotect', lba, data);
  disk.writeBlocks(
    lba,
    stored.map((byte, at) => byte | (data[at] ?? 0)),
  );
  return goodAfter(bytes);
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
    protect?: ProtectField,
  ): CommandEntry[] =>
    names.map((name) => ({
      name,
      accepts: ['lba', 'blocks', ...accepts, ...(protect && disk.protection !== 0 ? [protect] : [])],
      needsMedium: true,
      run: (call) => work(disk, call),
    }));
  /** A command in its sizes; that of 32 bytes tells the tags of type 2, and is there for that type only. */
  const sizes = (name: string) => ({
    usual: ['10', '12', '16'].map((size) => `${name}(${size})`),
    long: disk.protection === 2 ? [`${name}(32)`] : [],
  });
  const each = (
    name: string,
    accepts: readonly string[],
    work: (disk: Disk, call: CommandCall) => CommandResult,
    protect: ProtectField,
  ): CommandEntry[] => {
    const { usual, long } = sizes(name);
    return [
      ...entry(usual, accepts, work, protect),
      ...entry(long, [...accepts, ...EXPECTED_TAGS], work, protect),
    ];
  };
  return [
    ...readCommands(disk, ['READ(6)']),
    ...each('READ', READ_HINTS, diskRead, 'rdprotect'),
    ...entry(['WRITE(6)'], [], write),
    ...each('WRITE', WRITE_HINTS, write, 'wrprotect'),
    ...each('WRITE AND VERIFY', ['bytchk', ...VERIFY_HINTS], write, 'wrprotect'),
    ...each('VERIFY', ['bytchk', ...VERIFY_HINTS], verify, 'vrprotect'),
    ...entry(['XDWRITEREAD(10)'], ['disable_write', ...WRITE_HINTS], exclusiveOr),
    ...entry(['COMPARE AND WRITE'], WRITE_HINTS, compareAndWrite),
    ...entry(['ORWRITE(16)'], WRITE_HINTS, orWrite, 'orprotect'),
    ...entry(['WRITE ATOMIC(16)'], WRITE_HINTS, writeAtomic, 'wrprotect'),
  ];
}
