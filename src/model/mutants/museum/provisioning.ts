/** UNMAP and WRITE SAME as units once carried them out. */
import { SenseKey } from '../../../wire/scsi/sense.js';
import { ScsiStatus } from '../../../wire/scsi/status.js';
import { goodAfter } from '../../units/command-result.js';
import type { CommandCall } from '../../units/command-table.js';
import { Sense } from '../../units/sense.js';
import { BLOCK_MUTANTS, blocksOf, firstRange, isSame, lbaOf, within } from '../blocks.js';
import { edited, named, onDisks, refusal, rewriting } from '../command-shapes.js';
import { IDENTITY_MUTANTS, vital } from '../identity.js';
import type { Mutant } from '../mutant.js';
import { alike, exhibit } from './exhibit.js';

const UNMAP = 0x42;
const WRITE_SAME_10 = 0x41;
const WRITE_SAME_16 = 0x93;
const ANCHOR = 0x10;
const NDOB = 0x01;
/** Byte 5 of VPD page B2h. */
const PROVISIONING_FLAGS = 5;
const LBPU = 0x80;
const ANC_SUP = 0x02;
/** The piece by which WRITE SAME was carried out, in bytes. */
const PIECE = 512 * 1024;

const isUnmap = ({ cdb }: CommandCall): boolean => cdb[0] === UNMAP;
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
/** Whether WRITE SAME writes zeros. */
const ofZeros = ({ fields, task, unit }: CommandCall): boolean =>
  fields.ndob === 1n || task.dataOut(unit.blockSize).every((byte) => byte === 0);

/** Sets address or number of blocks of a WRITE SAME. */
function setRange(bytes: Uint8Array, { lba, blocks }: { lba?: bigint; blocks?: number }): void {
  const long = bytes[0] === WRITE_SAME_16;
  if (lba !== undefined) {
    if (long) view(bytes).setBigUint64(2, lba);
    else view(bytes).setUint32(2, Number(lba));
  }
  if (blocks !== undefined) {
    if (long) view(bytes).setUint32(10, blocks);
    else view(bytes).setUint16(7, blocks);
  }
}

const REFUSED_BY_MEDIUM: ReadonlySet<number | undefined> = new Set([
  SenseKey['MEDIUM ERROR'],
  SenseKey['DATA PROTECT'],
]);

export const PROVISIONING_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QSD-05-unmap-4k-unit-mixup',
    'sbc.unmap.descriptors',
    'UNMAP takes addresses in sectors for addresses in blocks of 4096 bytes: all beyond an eighth are out of range.',
    () => ({
      perform: refusal(
        (call) =>
          isUnmap(call) &&
          call.unit.blockSize > 512 &&
          call.fields.parameter_list_length !== 0n &&
          firstRange(call)[0] > 0n,
        Sense.LBA_OUT_OF_RANGE,
      ),
    }),
  ),
  exhibit(
    'QSD-06-anchor-accepted',
    'sbc.unmap.anchor',
    'A unit that says that it does not anchor blocks takes ANCHOR, and does not look at it.',
    () => ({
      perform: rewriting((bytes, call) => {
        if (isUnmap(call)) bytes[1] = (bytes[1] ?? 0) & ~0x01;
        else if (isSame(call)) bytes[1] = (bytes[1] ?? 0) & ~ANCHOR;
      }),
      result: (result, call) =>
        vital(call, 0xb2n)
          ? edited(result, (data) => {
              if (data.length > PROVISIONING_FLAGS)
                data[PROVISIONING_FLAGS] = (data[PROVISIONING_FLAGS] ?? 0) & ~ANC_SUP;
            })
          : result,
    }),
    'acts',
  ),
  exhibit(
    'QSD-09-write-same-large-pattern',
    'sbc.write-same.blocks',
    'WRITE SAME writes 512 KiB of what it is to write.',
    () => ({
      perform: rewriting((bytes, call) => {
        const most = PIECE / call.unit.blockSize;
        if (isSame(call) && blocksOf(call) > most) setRange(bytes, { blocks: most });
      }),
    }),
    'acts',
  ),
  exhibit(
    'QSD-10-write-same-ndob',
    'sbc.write-same.ndob',
    'WRITE SAME(16) with NDOB needs a block of data all the same.',
    () => ({
      overrun: (short, { cdb, dataOutLength }) =>
        short || (cdb[0] === WRITE_SAME_16 && ((cdb[1] ?? 0) & NDOB) !== 0 && dataOutLength === 0),
    }),
  ),
  alike(
    'QSD-30-unmap-limits-zero',
    'sbc.vpd.unmap-limits',
    'MAXIMUM UNMAP LBA COUNT is 0 beside LBPU.',
    IDENTITY_MUTANTS,
    'vpd.unmap-without-limit',
  ),
  exhibit(
    'LIO-01-write-same-zero-deallocates',
    'sbc.write-same.blocks',
    'WRITE SAME of zeros leaves ones, as a back-end may that is told to discard.',
    () => ({
      perform: onDisks((call, disk, run) => {
        const result = run();
        if (isSame(call) && result.status === ScsiStatus.GOOD && call.fields.unmap !== 1n && ofZeros(call))
          disk.fillBlocks(lbaOf(call), blocksOf(call), new Uint8Array(disk.blockSize).fill(0xff));
        return result;
      }),
    }),
    'acts',
  ),
  exhibit(
    'SPS-01-unmap-zero-descriptors-never-ends',
    'sbc.unmap.empty-list',
    'UNMAP without descriptors never ends.',
    () => ({
      perform: (call, run) => {
        const list = call.task.dataOut(Number(call.fields.parameter_list_length ?? 0n));
        return named(call, 'UNMAP') && (list.length < 8 || view(list).getUint16(2) === 0) ? undefined : run();
      },
    }),
  ),
  exhibit(
    'SPS-02-unmap-support-inverted',
    'sbc.vpd.provisioning-lbpme',
    'LBPU is set where UNMAP is not served, and the other way round.',
    () => ({
      result: (result, call) =>
        vital(call, 0xb2n)
          ? edited(result, (data) => {
              if (data.length > PROVISIONING_FLAGS)
                data[PROVISIONING_FLAGS] = (data[PROVISIONING_FLAGS] ?? 0) ^ LBPU;
            })
          : result,
    }),
  ),
  exhibit(
    'CRV-02-write-same-offset-unscaled',
    'sbc.write-same.blocks',
    'WRITE SAME of zeros takes the address of a block for a number of bytes.',
    () => ({
      perform: rewriting((bytes, call) => {
        if (isSame(call) && blocksOf(call) > 0 && ofZeros(call))
          setRange(bytes, { lba: lbaOf(call) / BigInt(call.unit.blockSize) });
      }),
    }),
    'acts',
  ),
  exhibit(
    'CRV-12-unmap-errors-swallowed',
    'sbc.transfer.write-protected',
    'UNMAP and WRITE SAME are GOOD when the medium cannot be written.',
    () => ({
      result: (result, call) =>
        (isUnmap(call) || isSame(call)) && REFUSED_BY_MEDIUM.has(result.sense?.key)
          ? goodAfter(call.task.dataOutLength)
          : result,
    }),
  ),
  alike(
    'RVM-04-write-same-zero-blocks',
    'sbc.write-same.zero-blocks',
    'WRITE SAME of no blocks writes none, whatever WSNZ says.',
    BLOCK_MUTANTS,
    'write-same.zero-is-none',
  ),
  exhibit(
    'VBX-04-unmap-error-never-completes',
    'sbc.unmap.short-list',
    'An UNMAP that is refused is never answered.',
    () => ({
      perform: (call, run) => {
        const result = run();
        return isUnmap(call) && result.sense?.key === SenseKey['ILLEGAL REQUEST'] ? undefined : result;
      },
    }),
  ),
  exhibit(
    'QPI-02-write-same-10-ndob-bit',
    'sbc.write-same.blocks',
    'WRITE SAME(10) with bit 0 of byte 1 writes nothing, and is GOOD.',
    () => ({
      perform: onDisks((call, disk, run) =>
        call.cdb[0] === WRITE_SAME_10 && ((call.cdb[1] ?? 0) & NDOB) !== 0 && within(disk, call)
          ? goodAfter(call.task.dataOutLength)
          : run(),
      ),
    }),
  ),
  exhibit(
    'SPS-15-release-without-reservation',
    'spc.reserve.simple',
    'RELEASE(6) of a unit that is not reserved ends with RESERVATION CONFLICT.',
    () => {
      const reserved = new WeakSet<object>();
      return {
        perform: (call, run) => {
          const { unit } = call;
          if (named(call, 'RESERVE(6)')) reserved.add(unit);
          if (named(call, 'RELEASE(6)') && !reserved.delete(unit))
            return { status: ScsiStatus['RESERVATION CONFLICT'] };
          return run();
        },
      };
    },
    'acts',
  ),
];
