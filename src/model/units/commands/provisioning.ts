/** WRITE SAME and UNMAP (SBC-4, "Logical block provisioning"). */
import { be16, be32, be64, bytes, struct, u8 } from '../../../wire/layout.js';
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { ProvisioningStatus } from '../provisioning-map.js';
import { CheckCondition, Sense } from '../sense.js';
import { takenProtection } from './protected-blocks.js';
import { EXPECTED_TAGS } from './read-write.js';

const unmapHeader = struct('UNMAP parameter list header', {
  unmap_data_length: be16,
  unmap_block_descriptor_data_length: be16,
  reserved: bytes(4),
});
const unmapDescriptor = struct('UNMAP block descriptor', { lba: be64, blocks: be32, reserved: bytes(4) });

/** What a request to unmap makes of blocks. */
const unmapped = ({ fields }: CommandCall): ProvisioningStatus =>
  fields.anchor === 1n ? ProvisioningStatus.ANCHORED : ProvisioningStatus.DEALLOCATED;

/**
 * WRITE SAME. With UNMAP blocks lose their storage where the pattern is zeros, which is what unmapped blocks read as
 * (LBPRZ); any other pattern is written.
 */
function writeSame(disk: Disk, call: CommandCall): CommandResult {
  const { unmap, anchor, ndob } = call.fields;
  if (unmap === 1n && !disk.thin) throw invalidNamed(call.command, 'unmap');
  if (anchor === 1n && unmap !== 1n) throw invalidNamed(call.command, 'anchor');
  disk.checkWritable();
  const lba = call.fields.lba ?? 0n;
  const blocks = call.fields.blocks ?? 0n;
  disk.checkRange(lba, blocks);
  // WSNZ is 1: a count of zero does not mean "to the end".
  if (blocks === 0n || blocks > BigInt(disk.limits.writeSameBlocks))
    throw invalidNamed(call.command, 'blocks');
  const size = ndob === 1n ? 0 : disk.blockSize;
  const block = ndob === 1n ? undefined : call.task.dataOut(size);
  if (block) takenProtection(disk, call, 'wrprotect', lba, block);
  const zeros = block === undefined || block.every((byte) => byte === 0);
  const status = unmap === 1n && zeros ? unmapped(call) : ProvisioningStatus.MAPPED;
  if (zeros) disk.clearBlocks(lba, Number(blocks), status);
  else disk.fillBlocks(lba, Number(blocks), block);
  return goodAfter(size);
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
  for (const { lba, blocks } of descriptors) disk.clearBlocks(lba, blocks, unmapped(call));
  return goodAfter(length);
}

const statusHeader = struct('GET LBA STATUS parameter data header', {
  /** Bytes behind this field. */
  parameter_data_length: be32,
  /** RTP bit 0 of the last byte. */
  flags: be32,
});
const statusDescriptor = struct('LBA status descriptor', {
  lba: be64,
  blocks: be32,
  /** PROVISIONING STATUS bits 3-0. */
  status: u8,
  additional_status: u8,
  reserved: bytes(2),
});
const STATUS_DESCRIPTORS = 64;
const LONGEST_RUN = 0xffff_ffffn;

/** GET LBA STATUS: how blocks from an address on are provisioned, as many descriptors as there is room for. */
function lbaStatus(disk: Disk, call: CommandCall): CommandResult {
  const start = call.fields.starting_logical_block_address ?? 0n;
  disk.checkRange(start, 1n);
  const room = Number(call.fields.allocation_length ?? 0n) - statusHeader.size;
  // At least one, so that PARAMETER DATA LENGTH tells of it.
  const most = Math.min(STATUS_DESCRIPTORS, Math.max(1, Math.floor(room / statusDescriptor.size)));
  const descriptors: number[] = [];
  for (let lba = start, count = 0; lba < disk.blocks && count < most; count++) {
    const run = disk.provisionedRun(lba);
    const blocks = run.blocks < LONGEST_RUN ? run.blocks : LONGEST_RUN;
    descriptors.push(...statusDescriptor.encode({ lba, blocks: Number(blocks), status: run.status }));
    lba += blocks;
  }
  const header = statusHeader.encode({
    parameter_data_length: statusHeader.size - 4 + descriptors.length,
  });
  return goodWith(allocated(call, Uint8Array.of(...header, ...descriptors)));
}

/** WRITE SAME for every disk; UNMAP for a thin one, where blocks can be anchored, too (ANC_SUP). */
export function provisioningCommands(disk: Disk): CommandEntry[] {
  const entry = (
    name: string,
    accepts: readonly string[],
    work: (disk: Disk, call: CommandCall) => CommandResult,
  ): CommandEntry => ({ name, accepts, needsMedium: true, run: (call) => work(disk, call) });
  const same = [
    'unmap',
    'lba',
    'blocks',
    'group_number',
    ...(disk.thin ? ['anchor'] : []),
    ...(disk.protection === 0 ? [] : ['wrprotect']),
  ];
  return [
    entry('WRITE SAME(10)', same, writeSame),
    entry('WRITE SAME(16)', [...same, 'ndob'], writeSame),
    ...(disk.protection === 2
      ? [entry('WRITE SAME(32)', [...same, 'ndob', ...EXPECTED_TAGS], writeSame)]
      : []),
    entry('GET LBA STATUS(16)', ['starting_logical_block_address', 'allocation_length'], lbaStatus),
    ...(disk.thin ? [entry('UNMAP', ['anchor', 'group_number', 'parameter_list_length'], unmap)] : []),
  ];
}
