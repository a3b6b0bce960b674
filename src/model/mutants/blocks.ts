/** Deviations that prove cases about block commands: comparing, writing the same, unmapping, and the whole medium. */
import { SenseKey } from '../../wire/scsi/sense.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import { GOOD, goodAfter } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Disk } from '../units/disk.js';
import { ProvisioningStatus } from '../units/provisioning-map.js';
import { Sense } from '../units/sense.js';
import { acting, cdb, edited, ending, named, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

/** A mutant under which a disk does something more, after a command that ended well. */
const afterwards = (
  id: string,
  sentence: string,
  applies: (call: CommandCall) => boolean,
  act: (disk: Disk, call: CommandCall) => void,
): Mutant =>
  acting(id, sentence, (call, disk, run) => {
    const result = run();
    if (applies(call) && result.status === ScsiStatus.GOOD) act(disk, call);
    return result;
  });

const OTHER_WRITES =
  /^(WRITE AND VERIFY|ORWRITE\(16|WRITE ATOMIC\(16|COMPARE AND WRITE|WRITE SAME\((10|16)\))/;
const writes = ({ command }: CommandCall): boolean => OTHER_WRITES.test(command.name);
const isWrite = ({ command }: CommandCall): boolean => /WRITE\b.*\(|^COMPARE AND WRITE$/.test(command.name);
export const isVerify = ({ command }: CommandCall): boolean => command.name.startsWith('VERIFY(');
export const isSame = ({ command }: CommandCall): boolean => command.name.startsWith('WRITE SAME(');
export const lbaOf = ({ fields }: CommandCall): bigint => fields.lba ?? 0n;
export const blocksOf = ({ fields }: CommandCall): number => Number(fields.blocks ?? 0n);
const endOf = (call: CommandCall): bigint => lbaOf(call) + BigInt(blocksOf(call));
export const within = (disk: Disk, call: CommandCall): boolean => endOf(call) <= disk.blocks;
const zeros = (disk: Disk): Uint8Array => new Uint8Array(disk.blockSize);
/** The last byte of the address in a CDB. */
const addressByte = (bytes: Uint8Array): number => ((bytes[0] ?? 0) >> 5 === 4 ? 9 : 5);
const groupByte = (bytes: Uint8Array): number => ({ 5: 10, 4: 14 })[(bytes[0] ?? 0) >> 5] ?? 6;

const VERIFYING: readonly Mutant[] = [
  refusing(
    'verify.always-different',
    'VERIFY always ends with MISCOMPARE.',
    (call) => isVerify(call) && call.fields.bytchk !== 2n,
    Sense.MISCOMPARE,
  ),
  acting('verify.first-byte-only', 'VERIFY with BYTCHK compares the first byte alone.', (call, disk, run) => {
    const check = call.fields.bytchk;
    if (!isVerify(call) || check === 0n || check === 2n || !within(disk, call) || blocksOf(call) === 0)
      return run();
    const same = call.task.dataOut(1)[0] === disk.readBlocks(lbaOf(call), 1)[0];
    return same
      ? goodAfter(call.task.dataOutLength)
      : { status: ScsiStatus['CHECK CONDITION'], sense: Sense.MISCOMPARE };
  }),
  afterwards('verify.overwrites', 'VERIFY leaves zeros in the first block.', isVerify, (disk, call) => {
    if (blocksOf(call) > 0) disk.writeBlocks(lbaOf(call), zeros(disk));
  }),
  acting(
    'verify.different-overwrites',
    'VERIFY writes what it was to compare where that differs.',
    (call, disk, run) => {
      const result = run();
      if (isVerify(call) && result.sense?.asc === Sense.MISCOMPARE.asc && within(disk, call))
        disk.writeBlocks(lbaOf(call), call.task.dataOut(disk.blockSize));
      return result;
    },
  ),
  cdb('verify.reserved-byte-check', 'VERIFY takes BYTCHK 10b for 00b.', (bytes) => {
    if ([0x2f, 0xaf, 0x8f].includes(bytes[0] ?? 0) && ((bytes[1] ?? 0) & 6) === 4)
      bytes[1] = (bytes[1] ?? 0) & ~6;
  }),
];

const WRITING: readonly Mutant[] = [
  afterwards(
    'block-write.one-more',
    'A command that writes leaves zeros in the block behind its last one, too.',
    (call) => writes(call) && blocksOf(call) > 0,
    (disk, call) => {
      if (endOf(call) < disk.blocks) disk.writeBlocks(endOf(call), zeros(disk));
    },
  ),
  acting(
    'block-write.out-of-range-begun',
    'A command that writes across the end writes its first block before it fails.',
    (call, disk, run) => {
      const result = run();
      if (writes(call) && result.sense?.asc === Sense.LBA_OUT_OF_RANGE.asc && lbaOf(call) < disk.blocks)
        disk.writeBlocks(lbaOf(call), call.task.dataOut(disk.blockSize));
      return result;
    },
  ),
  ending(
    'block-write.range-as-limit',
    'A range of several blocks that is not there is an invalid field to every command that writes.',
    (result, call) =>
      writes(call) && result.sense?.asc === Sense.LBA_OUT_OF_RANGE.asc && blocksOf(call) > 1
        ? { ...result, sense: Sense.INVALID_FIELD_IN_CDB }
        : result,
  ),
  acting(
    'block-write.refused-written',
    'A command that writes and is refused has written its first block all the same.',
    (call, disk, run) => {
      const result = run();
      const first = call.task.dataOut(disk.blockSize);
      const key = result.sense?.key;
      if (isWrite(call) && key === SenseKey['ILLEGAL REQUEST'] && first.length === disk.blockSize)
        if (lbaOf(call) < disk.blocks) disk.writeBlocks(lbaOf(call), first);
      return result;
    },
  ),
  acting(
    'block-write.none-clears',
    'A command that is to write no blocks leaves zeros in the first or the last block and in that beside it.',
    (call, disk, run) => {
      const result = run();
      if (!isWrite(call) || isSame(call) || call.command.length === 6 || blocksOf(call) !== 0) return result;
      const beside = lbaOf(call) < disk.blocks / 2n ? [0n, 1n] : [disk.blocks - 2n, disk.blocks - 1n];
      for (const lba of beside) disk.writeBlocks(lba, zeros(disk));
      return result;
    },
  ),
  cdb('block-write.address-of-32-bits', 'Commands of 16 bytes look at 32 bits of the address.', (bytes) => {
    if ([0x89, 0x8b, 0x8e, 0x8f, 0x90, 0x93, 0x9c].includes(bytes[0] ?? 0)) bytes.fill(0, 2, 6);
  }),
  refusing(
    'block-write.zero-refused',
    'A command that writes refuses to write no blocks.',
    (call) => writes(call) && !isSame(call) && blocksOf(call) === 0,
  ),
  cdb('block-write.zero-is-one', 'No blocks means one, to a command that writes.', (bytes, call) => {
    if (writes(call) && !isSame(call) && blocksOf(call) === 0)
      bytes[addressByte(bytes) + (bytes.length > 0 && bytes[0] === 0x2e ? 3 : 4)] = 1;
  }),
  cdb(
    'block-write.hints-shift',
    'DPO and FUA make a command that writes go to the next block.',
    (bytes, call) => {
      if (writes(call) && !isSame(call) && ((bytes[1] ?? 0) & 0x18) !== 0)
        bytes[addressByte(bytes)] = (bytes[addressByte(bytes)] ?? 0) ^ 1;
    },
  ),
  cdb('block-write.group-shifts', 'GROUP NUMBER is added to the address.', (bytes, call) => {
    if (writes(call) && call.command.name !== 'COMPARE AND WRITE')
      bytes[addressByte(bytes)] = (bytes[addressByte(bytes)] ?? 0) ^ ((bytes[groupByte(bytes)] ?? 0) & 0x3f);
  }),
  afterwards(
    'write-verify.half-compared',
    'WRITE AND VERIFY with BYTCHK 01b leaves zeros in its first block.',
    (call) => call.command.name.startsWith('WRITE AND VERIFY') && call.fields.bytchk === 1n,
    (disk, call) => disk.writeBlocks(lbaOf(call), zeros(disk)),
  ),
  acting('orwrite.replaces', 'ORWRITE writes what is sent.', (call, disk, run) => {
    if (!named(call, 'ORWRITE(16)') || !within(disk, call)) return run();
    const result = run();
    if (result.status === ScsiStatus.GOOD)
      disk.writeBlocks(lbaOf(call), call.task.dataOut(blocksOf(call) * disk.blockSize));
    return result;
  }),
  acting('orwrite.exclusive', 'ORWRITE clears what is set on both sides.', (call, disk, run) => {
    if (!named(call, 'ORWRITE(16)') || !within(disk, call)) return run();
    const before = disk.readBlocks(lbaOf(call), blocksOf(call));
    const result = run();
    const data = call.task.dataOut(before.length);
    if (result.status === ScsiStatus.GOOD)
      disk.writeBlocks(
        lbaOf(call),
        before.map((byte, at) => byte ^ (data[at] ?? 0)),
      );
    return result;
  }),
  acting('write-atomic.limit-ignored', 'WRITE ATOMIC writes any number of blocks.', (call, disk, run) => {
    if (!named(call, 'WRITE ATOMIC(16)') || blocksOf(call) <= disk.limits.atomicBlocks) return run();
    disk.writeBlocks(lbaOf(call), call.task.dataOut(blocksOf(call) * disk.blockSize));
    return goodAfter(call.task.dataOutLength);
  }),
  cdb('write-atomic.boundary-ignored', 'WRITE ATOMIC does not look at ATOMIC BOUNDARY.', (bytes) => {
    if (bytes[0] === 0x9c) bytes.fill(0, 10, 12);
  }),
  refusing(
    'write-atomic.odd-refused',
    'WRITE ATOMIC refuses odd addresses and odd lengths.',
    (call) => named(call, 'WRITE ATOMIC(16)') && (lbaOf(call) % 2n === 1n || blocksOf(call) % 2 === 1),
  ),
];

const PROTECT_BITS = 0xe0;
const PROTECTING: ReadonlySet<number> = new Set([
  0x2e, 0x2f, 0x41, 0x89, 0x8b, 0x8e, 0x8f, 0x93, 0x9c, 0xae, 0xaf,
]);

const FIELDS: readonly Mutant[] = [
  cdb(
    'block-write.protection-taken',
    'WRPROTECT, ORPROTECT and VRPROTECT of other commands than WRITE are not looked at.',
    (bytes) => {
      if (PROTECTING.has(bytes[0] ?? 0)) bytes[1] = (bytes[1] ?? 0) & ~PROTECT_BITS;
    },
  ),
  cdb(
    'write-same.unmap-unannounced',
    'A fully provisioned unit takes UNMAP for nothing.',
    (bytes, { unit }) => {
      if ([0x41, 0x93].includes(bytes[0] ?? 0) && unit instanceof Disk && !unit.thin)
        bytes[1] = (bytes[1] ?? 0) & ~0x08;
    },
  ),
];

const COMPARING: readonly Mutant[] = [
  acting(
    'compare-and-write.written-in-spite',
    'COMPARE AND WRITE writes, and then tells of the difference.',
    (call, disk, run) => {
      const result = run();
      if (named(call, 'COMPARE AND WRITE') && result.sense?.asc === Sense.MISCOMPARE.asc)
        disk.writeBlocks(
          lbaOf(call),
          call.task.dataOut(2 * blocksOf(call) * disk.blockSize).subarray(blocksOf(call) * disk.blockSize),
        );
      return result;
    },
  ),
  ending(
    'compare-and-write.offset-from-one',
    'The offset of a miscompare counts from one.',
    (result, call) =>
      named(call, 'COMPARE AND WRITE') && result.sense?.information !== undefined
        ? { ...result, sense: { ...result.sense, information: result.sense.information + 1n } }
        : result,
  ),
  ending(
    'compare-and-write.last-block-first',
    'A miscompare of COMPARE AND WRITE is told without INFORMATION.',
    (result, call) =>
      named(call, 'COMPARE AND WRITE') && result.sense?.asc === Sense.MISCOMPARE.asc
        ? { ...result, sense: Sense.MISCOMPARE }
        : result,
  ),
  acting(
    'compare-and-write.limit-ignored',
    'COMPARE AND WRITE writes any number of blocks.',
    (call, disk, run) => {
      const bytes = blocksOf(call) * disk.blockSize;
      if (
        !named(call, 'COMPARE AND WRITE') ||
        blocksOf(call) <= disk.limits.compareBlocks ||
        !within(disk, call)
      )
        return run();
      disk.writeBlocks(lbaOf(call), call.task.dataOut(2 * bytes).subarray(bytes));
      return goodAfter(2 * bytes);
    },
  ),
];

/** Does to blocks what WRITE SAME with UNMAP or UNMAP of zeros does, on other ones than were named. */
const unmapping = ({ command, fields }: CommandCall): boolean =>
  command.name === 'UNMAP' || (command.name.startsWith('WRITE SAME(') && fields.unmap === 1n);
const DESCRIPTOR = 16;
const LIST_HEADER = 8;
const GRANULE = 8n;
/** Blocks that an UNMAP or WRITE SAME names first. */
export function firstRange(call: CommandCall): readonly [bigint, bigint] {
  if (call.command.name !== 'UNMAP') return [lbaOf(call), BigInt(blocksOf(call))];
  if (call.task.dataOutLength < LIST_HEADER + DESCRIPTOR) return [0n, 0n];
  const list = call.task.dataOut(LIST_HEADER + DESCRIPTOR);
  const view = new DataView(list.buffer, list.byteOffset);
  return [view.getBigUint64(LIST_HEADER), BigInt(view.getUint32(LIST_HEADER + 8))];
}

const PROVISIONING: readonly Mutant[] = [
  afterwards(
    'write-same.last-left-out',
    'WRITE SAME of several blocks leaves zeros in the last one.',
    (call) => isSame(call) && blocksOf(call) > 1 && call.fields.ndob !== 1n,
    (disk, call) => disk.writeBlocks(endOf(call) - 1n, new Uint8Array(disk.blockSize).fill(0x33)),
  ),
  refusing(
    'write-same.ones-refused',
    'WRITE SAME takes blocks that end in a one for the old LBDATA.',
    (call) =>
      isSame(call) && call.fields.ndob !== 1n && call.task.dataOut(call.unit.blockSize).at(-1) === 0x01,
  ),
  acting('write-same.zero-is-none', 'WRITE SAME of no blocks writes none.', (call, _disk, run) =>
    isSame(call) && blocksOf(call) === 0 ? goodAfter(call.task.dataOutLength) : run(),
  ),
  acting('write-same.limit-ignored', 'WRITE SAME writes any number of blocks.', (call, disk, run) => {
    if (!isSame(call) || blocksOf(call) <= disk.limits.writeSameBlocks || !within(disk, call)) return run();
    disk.fillBlocks(lbaOf(call), blocksOf(call), call.task.dataOut(disk.blockSize));
    return goodAfter(disk.blockSize);
  }),
  acting('write-same.unmap-does-nothing', 'WRITE SAME with UNMAP leaves everything.', (call, disk, run) =>
    isSame(call) && call.fields.unmap === 1n && disk.thin && within(disk, call)
      ? goodAfter(call.task.dataOutLength)
      : run(),
  ),
  afterwards(
    'unmap.rounded-outward',
    'Unmapping takes in the whole granule in which a range begins.',
    unmapping,
    (disk, call) => {
      const [lba, blocks] = firstRange(call);
      const start = (lba / GRANULE) * GRANULE;
      if (blocks > 0n && start < lba)
        disk.clearBlocks(start, Number(lba - start), ProvisioningStatus.DEALLOCATED);
    },
  ),
  afterwards(
    'unmap.one-more',
    'Unmapping takes in the block behind the range.',
    (call) => unmapping(call) || call.fields.ndob === 1n,
    (disk, call) => {
      const [lba, blocks] = firstRange(call);
      if (blocks > 0n && lba + blocks < disk.blocks)
        disk.clearBlocks(lba + blocks, 1, ProvisioningStatus.DEALLOCATED);
    },
  ),
  afterwards(
    'write-same.unmap-always-zeros',
    'WRITE SAME with UNMAP leaves zeros whatever its block is.',
    (call) => isSame(call) && call.fields.unmap === 1n,
    (disk, call) => disk.clearBlocks(lbaOf(call), blocksOf(call), ProvisioningStatus.DEALLOCATED),
  ),
  acting(
    'provisioning.unmapped-not-writable',
    'A block that is not mapped takes no data of a single-block write.',
    (call, disk, run) => {
      const single =
        /^WRITE( SAME)?\(/.test(call.command.name) && blocksOf(call) === 1 && call.fields.unmap !== 1n;
      if (!single || !within(disk, call) || !disk.thin) return run();
      const { status } = disk.provisionedRun(lbaOf(call));
      const result = run();
      if (result.status === ScsiStatus.GOOD && status === ProvisioningStatus.DEALLOCATED)
        disk.clearBlocks(lbaOf(call), 1, status);
      return result;
    },
  ),
  ending('provisioning.unmapped-reads-ones', 'Blocks that are not mapped read as ones.', (result, call) =>
    named(call, 'READ(10)') &&
    call.unit instanceof Disk &&
    call.unit.thin &&
    call.unit.provisionedRun(lbaOf(call)).status !== ProvisioningStatus.MAPPED
      ? edited(result, (data) => data.fill(0xff))
      : result,
  ),
  refusing(
    'provisioning.anchor-refused',
    'ANCHOR is refused in spite of ANC_SUP.',
    (call) => unmapping(call) && call.fields.anchor === 1n,
  ),
  cdb('write-same.anchor-alone', 'WRITE SAME without UNMAP does not look at ANCHOR.', (bytes) => {
    if ([0x41, 0x93].includes(bytes[0] ?? 0) && ((bytes[1] ?? 0) & 0x08) === 0)
      bytes[1] = (bytes[1] ?? 0) & ~0x10;
  }),
  refusing(
    'write-same.no-data-unknown',
    'WRITE SAME with NDOB is refused as an unknown operation code.',
    (call) => isSame(call) && call.fields.ndob === 1n,
    Sense.INVALID_OPCODE,
  ),
  acting('unmap.first-descriptor-only', 'UNMAP looks at its first descriptor alone.', (call, disk, run) => {
    const [lba, blocks] = firstRange(call);
    if (!named(call, 'UNMAP') || blocks === 0n || lba + blocks > disk.blocks || call.fields.anchor === 1n)
      return run();
    disk.clearBlocks(lba, Number(blocks), ProvisioningStatus.DEALLOCATED);
    return goodAfter(call.task.dataOutLength);
  }),
  acting('unmap.zero-blocks-is-one', 'A descriptor of no blocks names one.', (call, disk, run) => {
    const result = run();
    const [lba, blocks] = firstRange(call);
    const length = call.task.dataOutLength;
    if (named(call, 'UNMAP') && result.status === ScsiStatus.GOOD && length >= LIST_HEADER && blocks === 0n)
      disk.clearBlocks(lba, 1, ProvisioningStatus.DEALLOCATED);
    return result;
  }),
  refusing(
    'unmap.no-descriptors-refused',
    'UNMAP without descriptors is refused.',
    (call) =>
      named(call, 'UNMAP') &&
      call.task.dataOutLength >= LIST_HEADER &&
      call.task.dataOut(LIST_HEADER)[3] === 0,
  ),
  acting(
    'unmap.empty-list-unmaps',
    'UNMAP without a parameter list unmaps the first block.',
    (call, disk, run) => {
      const result = run();
      if (named(call, 'UNMAP') && call.fields.parameter_list_length === 0n)
        disk.clearBlocks(0n, 1, ProvisioningStatus.DEALLOCATED);
      return result;
    },
  ),
  refusing(
    'unmap.empty-list-unknown',
    'UNMAP without a parameter list is refused as a field of the CDB.',
    (call) => named(call, 'UNMAP') && call.fields.parameter_list_length === 0n,
  ),
  refusing(
    'unmap.twice-refused',
    'UNMAP refuses descriptors that overlap as an address out of range.',
    (call) => named(call, 'UNMAP') && call.fields.parameter_list_length === 40n,
    Sense.LBA_OUT_OF_RANGE,
  ),
  acting('unmap.counts-ignored', 'UNMAP takes its whole buffer for descriptors.', (call, disk, run) => {
    const length = call.task.dataOutLength;
    if (!named(call, 'UNMAP') || length < LIST_HEADER + 2 * DESCRIPTOR) return run();
    const result = run();
    const list = call.task.dataOut(length);
    const view = new DataView(list.buffer, list.byteOffset);
    for (let at = LIST_HEADER; at + DESCRIPTOR <= length; at += DESCRIPTOR)
      disk.clearBlocks(view.getBigUint64(at), view.getUint32(at + 8), ProvisioningStatus.DEALLOCATED);
    return result;
  }),
  ending('unmap.limits-ignored', 'UNMAP of more than the limits is answered GOOD.', (result, call) =>
    named(call, 'UNMAP') && result.sense?.asc === Sense.INVALID_FIELD_IN_PARAMETER_LIST.asc ? GOOD : result,
  ),
  ...(
    [
      ['address-zero', 'The first LBA status descriptor names block 0.', (data) => data.fill(0, 8, 16)],
      ['no-blocks', 'The first LBA status descriptor names no blocks.', (data) => data.fill(0, 16, 20)],
      ['reserved-status', 'PROVISIONING STATUS is 7.', (data) => data.fill(7, 20, 21)],
      [
        'inverted-status',
        'PROVISIONING STATUS says deallocated for mapped and the other way round.',
        (data) => {
          if (data.length > 20) data[20] = data[20] === 0 ? 1 : 0;
        },
      ],
      [
        'length-of-descriptors',
        'PARAMETER DATA LENGTH of GET LBA STATUS counts the descriptors alone.',
        (data) => {
          if (data.length > 3) data[3] = (data[3] ?? 0) - 4;
        },
      ],
      [
        'gap',
        'The second LBA status descriptor begins a block too late.',
        (data) => {
          if (data.length > 31) data[31] = (data[31] ?? 0) + 1;
        },
      ],
    ] as const satisfies readonly (readonly [string, string, (data: Uint8Array) => void])[]
  ).map(([slug, sentence, edit]) =>
    ending(`lba-status.${slug}`, sentence, (result, call) =>
      named(call, 'GET LBA STATUS(16)') ? edited(result, edit) : result,
    ),
  ),
  refusing(
    'lba-status.short-refused',
    'GET LBA STATUS is refused where there is no room for a descriptor.',
    (call) => named(call, 'GET LBA STATUS(16)') && (call.fields.allocation_length ?? 0n) < 24n,
  ),
];

const isPreFetch = ({ command }: CommandCall): boolean => command.name.startsWith('PRE-FETCH');
export const isSynchronize = ({ command }: CommandCall): boolean =>
  command.name.startsWith('SYNCHRONIZE CACHE');
const isSanitize = ({ command }: CommandCall): boolean => command.name.startsWith('SANITIZE');

const MEDIUM: readonly Mutant[] = [
  ending('pre-fetch.busy', 'PRE-FETCH of more than no blocks ends with BUSY.', (result, call) =>
    isPreFetch(call) && call.fields.prefetch_length !== 0n && result.status === ScsiStatus['CONDITION MET']
      ? { status: ScsiStatus.BUSY }
      : result,
  ),
  refusing(
    'pre-fetch.zero-refused',
    'PRE-FETCH refuses a length of zero.',
    (call) => isPreFetch(call) && call.fields.prefetch_length === 0n && lbaOf(call) < 0x2_0000n,
  ),
  acting('pre-fetch.overwrites', 'PRE-FETCH leaves zeros in the first block.', (call, disk, run) => {
    const result = run();
    if (isPreFetch(call) && result.status === ScsiStatus['CONDITION MET'])
      disk.writeBlocks(lbaOf(call), zeros(disk));
    return result;
  }),
  refusing(
    'synchronize.immediate-refused',
    'SYNCHRONIZE CACHE with IMMED is an unknown operation code.',
    (call) => isSynchronize(call) && call.fields.immed === 1n,
    Sense.INVALID_OPCODE,
  ),
  refusing(
    'synchronize.group-unknown',
    'SYNCHRONIZE CACHE with a GROUP NUMBER is an unknown operation code.',
    (call) => isSynchronize(call) && call.fields.group_number !== 0n,
    Sense.INVALID_OPCODE,
  ),
  ending(
    'synchronize.range-unknown',
    'SYNCHRONIZE CACHE out of range is an invalid field.',
    (result, call) =>
      isSynchronize(call) && result.sense?.asc === Sense.LBA_OUT_OF_RANGE.asc
        ? { ...result, sense: Sense.INVALID_FIELD_IN_CDB }
        : result,
  ),
  acting('synchronize.drops', 'SYNCHRONIZE CACHE drops what was written last.', (call, disk, run) => {
    const result = run();
    if (isSynchronize(call)) for (const lba of [500n, 510n]) disk.writeBlocks(lba, zeros(disk));
    return result;
  }),
  acting('sanitize.never-ready', 'After SANITIZE the unit is not ready any more.', (call, disk, run) => {
    const result = run();
    if (isSanitize(call) && result.status === ScsiStatus.GOOD && call.fields.parameter_list_length === 0n)
      disk.started = false;
    return result;
  }),
  acting(
    'format.short-list-taken',
    'FORMAT UNIT takes a list shorter than its header for one of zeros.',
    (call, disk, run) => {
      const result = run();
      if (!named(call, 'FORMAT UNIT') || result.sense?.asc !== Sense.PARAMETER_LIST_LENGTH_ERROR.asc)
        return result;
      disk.renew();
      return goodAfter(call.task.dataOutLength);
    },
  ),
  acting(
    'format.short-list-formats',
    'FORMAT UNIT formats, and then refuses a list shorter than its header.',
    (call, disk, run) => {
      const result = run();
      if (named(call, 'FORMAT UNIT') && result.sense?.asc === Sense.PARAMETER_LIST_LENGTH_ERROR.asc)
        disk.renew();
      return result;
    },
  ),
  acting('format.never-ready', 'After FORMAT UNIT the unit is not ready any more.', (call, disk, run) => {
    const result = run();
    if (named(call, 'FORMAT UNIT') && result.status === ScsiStatus.GOOD) disk.started = false;
    return result;
  }),
  ending(
    'sanitize.refused-as-unknown',
    'What SANITIZE refuses, it refuses as RESERVATION CONFLICT.',
    (result, call) =>
      (isSanitize(call) || call.cdb[0] === 0x48) && result.sense
        ? { status: ScsiStatus['RESERVATION CONFLICT'] }
        : result,
  ),
  refusing(
    'sanitize.exit-unknown',
    'SANITIZE EXIT FAILURE MODE is refused as an address out of range.',
    (call) => named(call, 'SANITIZE / EXIT FAILURE MODE'),
    Sense.LBA_OUT_OF_RANGE,
  ),
  acting('sanitize.list-ignored', 'SANITIZE begins whatever its list is.', (call, disk, run) => {
    const result = run();
    if (!(isSanitize(call) || call.cdb[0] === 0x48) || result.sense === undefined) return result;
    disk.renew();
    return goodAfter(call.task.dataOutLength);
  }),
  ...(['10', '12'] as const).map((size) =>
    ending(
      `defects.${size}.longer`,
      `READ DEFECT DATA(${size}) tells of a list that it does not send.`,
      (result, call) =>
        named(call, `READ DEFECT DATA(${size})`)
          ? edited(result, (data) => {
              data[data.length - 1] = 8;
            })
          : result,
    ),
  ),
];

/** The twelfth access in a row of a kind, by commands of one name, goes to the next block. */
function twelfth(access: 'read' | 'write'): Mutant {
  return {
    id: `medium.twelfth-${access}-elsewhere`,
    sentence: `The twelfth ${access} in a row is of the block behind the one that it names.`,
    source: 'layout',
    apply: (behaviours) => {
      let row = 0;
      behaviours.perform = (call, run) => {
        if (!named(call, ...['10', '16'].map((size) => `${access.toUpperCase()}(${size})`))) row = 0;
        return run();
      };
      behaviours.mediumBlock = (lba, by) => (by === access && ++row % 12 === 0 ? lba + 1n : lba);
    },
  };
}

const isLong = ({ command }: CommandCall): boolean => command.additionalLength === true;
const TRANSFERS: readonly Mutant[] = [
  twelfth('read'),
  twelfth('write'),
  refusing(
    'transfer.longest-refused',
    'A transfer of just as many blocks as MAXIMUM TRANSFER LENGTH says is refused.',
    (call) =>
      call.unit instanceof Disk && blocksOf(call) === call.unit.limits.transferBlocks && !isSame(call),
  ),
  ending('fault.elsewhere', 'INFORMATION of a medium error is an address of another command.', (result) =>
    result.sense?.asc === Sense.UNRECOVERED_READ_ERROR.asc
      ? { ...result, sense: { ...result.sense, information: 7n } }
      : result,
  ),
  cdb(
    'protection.long-shifted',
    'WRITE(32) and WRITE AND VERIFY(32) go to the next block.',
    (bytes, call) => {
      if (isLong(call) && call.command.name.startsWith('WRITE')) bytes[19] = (bytes[19] ?? 0) ^ 1;
    },
  ),
  refusing(
    'protection.long-zero-refused',
    'The 32-byte commands refuse to move no blocks.',
    (call) => isLong(call) && blocksOf(call) === 0,
  ),
  cdb(
    'protection.short-forms-taken',
    'With protection type 2 VRPROTECT is not looked at.',
    (bytes, { unit }) => {
      if (unit instanceof Disk && unit.protection === 2 && [0x2f, 0xaf, 0x8f].includes(bytes[0] ?? 0))
        bytes[1] = (bytes[1] ?? 0) & ~PROTECT_BITS;
    },
  ),
];

export const BLOCK_MUTANTS: readonly Mutant[] = [
  ...VERIFYING,
  ...WRITING,
  ...FIELDS,
  ...COMPARING,
  ...PROVISIONING,
  ...MEDIUM,
  ...TRANSFERS,
];
