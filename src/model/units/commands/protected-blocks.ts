/** Protection information on its way to and from a disk (SBC-4, RDPROTECT and WRPROTECT). */
import { type CommandCall, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { checksOf, failedCheck, protectionTuple } from '../protection.js';
import { CheckCondition, Sense } from '../sense.js';

const TUPLE = protectionTuple.size;

/** Whether a command moves protection information as well. */
export function protects({ fields }: CommandCall, field: 'rdprotect' | 'wrprotect'): boolean {
  return (fields[field] ?? 0n) !== 0n;
}

/** Blocks from an address on with their protection information. */
interface ProtectedBlocks {
  readonly lba: bigint;
  readonly data: Uint8Array;
  readonly protection: Uint8Array;
}

/** Checks the protection information of blocks, one after the other, by RDPROTECT or WRPROTECT; throws `CheckCondition`. */
export function checkProtection(
  disk: Disk,
  call: CommandCall,
  field: 'rdprotect' | 'wrprotect',
  { lba, data, protection }: ProtectedBlocks,
): void {
  const checks = checksOf(call.fields[field] ?? 0n);
  if (checks === undefined) throw invalidNamed(call.command, field);
  for (let at = 0; at * disk.blockSize < data.length; at++) {
    const block = data.subarray(at * disk.blockSize, (at + 1) * disk.blockSize);
    const address = lba + BigInt(at);
    const failed = failedCheck(address, block, protection.subarray(at * TUPLE, (at + 1) * TUPLE), checks);
    if (failed === undefined) continue;
    const sense = failed === 'guard' ? Sense.GUARD_CHECK_FAILED : Sense.REFERENCE_TAG_CHECK_FAILED;
    throw new CheckCondition({ ...sense, information: address });
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
