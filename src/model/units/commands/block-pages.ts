/** Vital product data pages of block devices (SBC-4), and Extended INQUIRY Data (SPC-5). Without their headers. */
import { be16, be32, be64, bytes, struct, u8 } from '../../../wire/layout.js';
import type { Disk } from '../disk.js';

const extendedInquiry = struct('Extended INQUIRY Data VPD page', {
  /** SPT bits 5-3 (0 for type 1, 2 for type 2, 4 for type 3), GRD_CHK bit 2, APP_CHK bit 1, REF_CHK bit 0. */
  checks: u8,
  /** HEADSUP 04h, ORDSUP 02h, SIMPSUP 01h. */
  attributes: u8,
  rest: bytes(58),
});
const blockLimits = struct('Block Limits VPD page', {
  /** WSNZ bit 0. */
  flags: u8,
  maximum_compare_and_write_length: u8,
  optimal_transfer_length_granularity: be16,
  maximum_transfer_length: be32,
  optimal_transfer_length: be32,
  maximum_prefetch_length: be32,
  maximum_unmap_lba_count: be32,
  maximum_unmap_block_descriptor_count: be32,
  optimal_unmap_granularity: be32,
  unmap_granularity_alignment: be32,
  maximum_write_same_length: be64,
  maximum_atomic_transfer_length: be32,
  rest: bytes(16),
});
const blockCharacteristics = struct('Block Device Characteristics VPD page', {
  medium_rotation_rate: be16,
  product_type: u8,
  /** WABEREQ bits 7-6, WACEREQ bits 5-4, NOMINAL FORM FACTOR bits 3-0. */
  after_erase: u8,
  rest: bytes(56),
});
const provisioning = struct('Logical Block Provisioning VPD page', {
  threshold_exponent: u8,
  /** LBPU bit 7, LBPWS bit 6, LBPWS10 bit 5, LBPRZ bits 4-2, ANC_SUP bit 1, DP bit 0. */
  flags: u8,
  /** PROVISIONING TYPE bits 2-0. */
  type: u8,
  threshold_percentage: u8,
});

const ALL_ATTRIBUTES = 0x07;
const GRD_CHK_REF_CHK = 0x05;
/** SPT of a unit with just this type. */
const SUPPORTED_TYPE = { 1: 0, 2: 0x02 << 3, 3: 0x04 << 3 } as const;
const WSNZ = 0x01;
const NOT_ROTATING = 1;
/** After either way of erasing blocks are read without having been written again. */
const READABLE_AFTER_ERASE = 0x50;
const LBPU_LBPWS_LBPWS10 = 0xe0;
/** Unmapped blocks read as zeros. */
const LBPRZ_ZEROS = 0x04;
const ANC_SUP = 0x02;
const THIN = 2;

/** The pages of a disk by their codes. A fully provisioned disk has no page B2h. */
export function blockPages(disk: Disk): [number, () => Uint8Array][] {
  const { limits } = disk;
  const pages: [number, () => Uint8Array][] = [
    [
      0x86,
      () =>
        extendedInquiry.encode({
          checks: disk.protection === 0 ? 0 : SUPPORTED_TYPE[disk.protection] | GRD_CHK_REF_CHK,
          attributes: ALL_ATTRIBUTES,
        }),
    ],
    [
      0xb0,
      () =>
        blockLimits.encode({
          flags: WSNZ,
          maximum_compare_and_write_length: limits.compareBlocks,
          optimal_transfer_length_granularity: 2 ** disk.physicalExponent,
          maximum_transfer_length: limits.transferBlocks,
          optimal_transfer_length: limits.transferBlocks,
          ...(disk.thin && {
            maximum_unmap_lba_count: limits.unmapBlocks,
            maximum_unmap_block_descriptor_count: limits.unmapDescriptors,
            optimal_unmap_granularity: 2 ** disk.physicalExponent,
          }),
          maximum_write_same_length: BigInt(limits.writeSameBlocks),
          // No alignment, no granularity, and no atomic boundaries within one write.
          maximum_atomic_transfer_length: limits.atomicBlocks,
        }),
    ],
    [
      0xb1,
      () =>
        blockCharacteristics.encode({
          medium_rotation_rate: NOT_ROTATING,
          after_erase: READABLE_AFTER_ERASE,
        }),
    ],
  ];
  if (disk.thin)
    pages.push([
      0xb2,
      () => provisioning.encode({ flags: LBPU_LBPWS_LBPWS10 | LBPRZ_ZEROS | ANC_SUP, type: THIN }),
    ]);
  return pages;
}
