/** Protection information on its way to and from a disk (SBC-4, RDPROTECT, WRPROTECT, VRPROTECT and ORPROTECT). */
import { type CommandCall, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { checksOf, failedCheck, protectionTuple, referenceOf } from '../protection.js';
import { CheckCondition, Sense } from '../sense.js';

const TUPLE = protectionTuple.size;

/** The field of a CDB that says what is done about protection information. */
export type ProtectField = 'rdprotect' | 'wrprotect' | 'vrprotect' | 'orprotect';

/**
 * Whether a command moves or checks protection information as well. With type 2 only the 32-byte commands do, which tell
 * the reference tag to expect.
 */
export function protects(disk: Disk, { command, fields }: CommandCall, field: ProtectField): boolean {
  if ((fields[field] ?? 0n) === 0n) return false;
  if (disk.protection === 2 && !command.additionalLength) throw new CheckCondition(Sense.INVALID_OPCODE);
  return true;
}

/** Blocks from an address on with their protection information. */
interface ProtectedBlocks {
  readonly lba: bigint;
  readonly data: Uint8Array;
  readonly protection: Uint8Array;
}

/** The reference tag of the block at this index, as far as there is one to compare with. */
function expectedReference(disk: Disk, { fields }: CommandCall, lba: bigint, at: number): number | undefined {
  if (disk.protection === 3) return undefined;
  const initial = fields.expected_initial_logical_block_reference_tag;
  return initial === undefined ? referenceOf(lba + BigInt(at)) : referenceOf(initial + BigInt(at));
}

/** Checks the protection information of blocks, one after the other; throws `CheckCondition`. */
export function checkProtection(
  disk: Disk,
  call: CommandCall,
  field: ProtectField,
  { lba, data, protection }: ProtectedBlocks,
): void {
  const checks = checksOf(call.fields[field] ?? 0n);
  if (checks === undefined) throw invalidNamed(call.command, field);
  for (let at = 0; at * disk.blockSize < data.length; at++) {
    const block = data.subarray(at * disk.blockSize, (at + 1) * disk.blockSize);
    const tuple = protection.subarray(at * TUPLE, (at + 1) * TUPLE);
    const failed = failedCheck(block, tuple, checks, expectedReference(disk, call, lba, at));
    if (failed === undefined) continue;
    const sense = failed === 'guard' ? Sense.GUARD_CHECK_FAILED : Sense.REFERENCE_TAG_CHECK_FAILED;
    throw new CheckCondition({ ...sense, information: lba + BigInt(at) });
  }
}

/** Protection information of blocks as it is stored. */
export function storedProtection(disk: Disk, lba: bigint, data: Uint8Array): Uint8Array {
  const blocks = data.length / disk.blockSize;
  const bytes = new Uint8Array(blocks * TUPLE);
  for (let at = 0; at < blocks; at++)
    bytes.set(
      disk.protectionOf(lba + BigInt(at), data.subarray(at * disk.blockSize, (at + 1) * disk.blockSize)),
      at * TUPLE,
    );
  return bytes;
}

/**
 * Takes the protection information that comes with data-out, checked as the CDB asks for; undefined where none comes.
 * Throws `CheckCondition`.
 */
export function takenProtection(
  disk: Disk,
  call: CommandCall,
  field: ProtectField,
  lba: bigint,
  data: Uint8Array,
): Uint8Array | undefined {
  if (!protects(disk, call, field)) return undefined;
  const protection = call.task.piOut((data.length / disk.blockSize) * TUPLE);
  checkProtection(disk, call, field, { lba, data, protection });
  return protection;
}
