/** WRITE SAME and UNMAP (SBC-4, "Logical block provisioning"). */
import { be16, be32, be64, bytes, struct } from '../../../wire/layout.js';
import { type CommandResult, goodAfter } from '../command-result.js';
import { type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { CheckCondition, Sense } from '../sense.js';

const unmapHeader = struct('UNMAP parameter list header', {
  unmap_data_length: be16,
  unmap_block_descriptor_data_length: be16,
  reserved: bytes(4),
});
const unmapDescriptor = struct('UNMAP block descriptor', { lba: be64, blocks: be32, reserved: bytes(4) });

/** WRITE SAME: with UNMAP set on a thin disk the pattern is still what is read afterwards, so writing it is right. */
function writeSame(disk: Disk, call: CommandCall): CommandResult {
  if (call.fields.unmap === 1n && !disk.thin) throw invalidNamed(call.command, 'unmap');
  disk.checkWritable();
  const lba = call.fields.lba ?? 0n;
  const blocks = call.fields.blocks ?? 0n;
  disk.checkRange(lba, blocks);
  // WSNZ is 1: a count of zero does not mean "to the end".
  if (blocks === 0n || blocks > BigInt(disk.limits.writeSameBlocks))
    throw invalidNamed(call.command, 'blocks');
  if (call.fields.ndob === 1n) {
    disk.clearBlocks(lba, Number(blocks));
    return goodAfter(0);
  }
  disk.fillBlocks(lba, Number(blocks), call.task.dataOut(disk.blockSize));
  return goodAfter(disk.blockSize);
}

/** INVALID FIELD IN PARAMETER LIST with a pointer to its byte. */
export function invalidParameter(byte: number, taken: number): CheckCondition {
  return new CheckCondition(
    { ...Sense.INVALID_FIELD_IN_PARAMETER_LIST, pointer: { inCdb: false, byte } },
    taken,
  );
}

function unmap(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const length = Number(call.fields.parameter_list_length);
  if (length === 0) return goodAfter(0);
  const list = call.task.dataOut(length);
  if (length < unmapHeader.size) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, length);
  const size = unmapHeader.read(list).unmap_block_descriptor_data_length;
  if (unmapHeader.size + size > length) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, length);
  // A partial descriptor at the end is ignored.
  const count = Math.floor(size / unmapDescriptor.size);
  if (count > disk.limits.unmapDescriptors)
    throw invalidParameter(unmapHeader.fields.unmap_block_descriptor_data_length.offset, length);
  const descriptors = Array.from({ length: count }, (_, at) =>
    unmapDescriptor.read(list, unmapHeader.size + at * unmapDescriptor.size),
  );
  let total = 0;
  for (const [at, { lba, blocks }] of descriptors.entries()) {
    disk.checkRange(lba, BigInt(blocks), length);
    total += blocks;
    if (total > disk.limits.unmapBlocks)
      throw invalidParameter(unmapHeader.size + at * unmapDescriptor.size + 8, length);
  }
  for (const { lba, blocks } of descriptors) disk.clearBlocks(lba, blocks);
  return goodAfter(length);
}

/** WRITE SAME for every disk; UNMAP for a thin one. ANCHOR is not supported anywhere (ANC_SUP is 0). */
export function provisioningCommands(disk: Disk): CommandEntry[] {
  const same = (name: string, accepts: readonly string[]): CommandEntry => ({
    name,
    accepts: ['unmap', 'lba', 'blocks', 'group_number', ...accepts],
    needsMedium: true,
    run: (call) => writeSame(disk, call),
  });
  const entries = [same('WRITE SAME(10)', []), same('WRITE SAME(16)', ['ndob'])];
  if (disk.thin)
    entries.push({
      name: 'UNMAP',
      accepts: ['group_number', 'parameter_list_length'],
      needsMedium: true,
      run: (call) => unmap(disk, call),
    });
  return entries;
}
