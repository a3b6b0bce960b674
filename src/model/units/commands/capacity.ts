/** READ CAPACITY(10) and (16) (SBC-4). */
import { be32, be64, bytes, struct, u8 } from '../../../wire/layout.js';
import type { BlockUnit } from '../block-unit.js';
import { goodWith } from '../command-result.js';
import { allocated, type CommandEntry } from '../command-table.js';
import type { Disk } from '../disk.js';

const shortCapacity = struct('READ CAPACITY(10) data', { returned_lba: be32, block_length: be32 });
const longCapacity = struct('READ CAPACITY(16) data', {
  returned_lba: be64,
  block_length: be32,
  /** RC_BASIS bits 5-4, P_TYPE bits 3-1, PROT_EN bit 0. */
  protection: u8,
  /** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT bits 3-0. */
  exponent: u8,
  /** LBPME bit 7, LBPRZ bit 6, then 14 bits of the lowest aligned address. */
  provisioning: u8,
  aligned: u8,
  reserved: bytes(16),
});

const UNREPRESENTABLE = 0xffff_ffffn;
const PROT_EN = 0x01;
/** P_TYPE is 0 for type 1. */
const P_TYPE_SHIFT = 1;
const LBPME = 0x80;
const LBPRZ = 0x40;

/** READ CAPACITY(10). */
export function shortReadCapacity(unit: Pick<BlockUnit, 'blocks' | 'blockSize'>): CommandEntry {
  return {
    name: 'READ CAPACITY(10)',
    // Obsolete fields are ignored.
    accepts: ['lba', 'pmi'],
    needsMedium: true,
    run: () => {
      const last = unit.blocks - 1n;
      return goodWith(
        shortCapacity.encode({
          returned_lba: Number(last < UNREPRESENTABLE ? last : UNREPRESENTABLE),
          block_length: unit.blockSize,
        }),
      );
    },
  };
}

export function readCapacity(disk: Disk): CommandEntry[] {
  return [
    shortReadCapacity(disk),
    {
      name: 'READ CAPACITY(16)',
      accepts: ['lba', 'pmi', 'allocation_length'],
      needsMedium: true,
      run: (call) =>
        goodWith(
          allocated(
            call,
            longCapacity.encode({
              returned_lba: disk.blocks - 1n,
              block_length: disk.blockSize,
              protection: disk.protection === 0 ? 0 : PROT_EN | ((disk.protection - 1) << P_TYPE_SHIFT),
              exponent: disk.physicalExponent,
              provisioning: disk.thin ? LBPME | LBPRZ : 0,
            }),
          ),
        ),
    },
  ];
}
