/** Vital product data pages that the suite reads facts from (SPC-5, SBC-4). */
import { be16, be32, be64, bytes, struct, u8 } from '../layout.js';

export const VpdPage = {
  SUPPORTED: 0x00,
  UNIT_SERIAL_NUMBER: 0x80,
  DEVICE_IDENTIFICATION: 0x83,
  BLOCK_LIMITS: 0xb0,
  BLOCK_DEVICE_CHARACTERISTICS: 0xb1,
  LOGICAL_BLOCK_PROVISIONING: 0xb2,
} as const;

/** The header of every page. */
export const vpdHeader = struct('VPD page header', { peripheral: u8, page_code: u8, page_length: be16 });

/** Block Limits, page B0h. */
export const blockLimits = struct('Block Limits VPD page', {
  header: bytes(vpdHeader.size),
  /** WSNZ is bit 0. */
  flags: u8,
  max_compare_and_write: u8,
  transfer_granularity: be16,
  max_transfer: be32,
  optimal_transfer: be32,
  max_prefetch: be32,
  max_unmap_lba: be32,
  max_unmap_descriptors: be32,
  unmap_granularity: be32,
  /** UGAVALID is bit 31. */
  unmap_alignment: be32,
  max_write_same: be64,
});

/** What follows in page B0h from its byte 44 on: limits of WRITE ATOMIC, in blocks. */
export const atomicLimits = struct('Block Limits VPD page, atomic writes', {
  max_atomic: be32,
  alignment: be32,
  granularity: be32,
  max_with_boundary: be32,
  max_boundary: be32,
});

/** Logical Block Provisioning, page B2h. */
export const provisioning = struct('Logical Block Provisioning VPD page', {
  header: bytes(vpdHeader.size),
  threshold_exponent: u8,
  /** LBPU bit 7, LBPWS bit 6, LBPWS10 bit 5, LBPRZ bits 4-2, ANC_SUP bit 1, DP bit 0. */
  flags: u8,
  /** PROVISIONING TYPE bits 2-0: 0 full or not said, 1 resource provisioned, 2 thin. */
  type: u8,
  reserved: u8,
});
