/** Protection information: 8 bytes for each block (SBC-4, "Protection information model"). */
import { be16, be32, struct } from '../../wire/layout.js';

export const protectionTuple = struct('protection information', {
  guard: be16,
  application_tag: be16,
  /** Types 1 and 2: counts up from block to block; of type 1 it is the low half of the block address. */
  reference_tag: be32,
});

/** Type of the protection information of a unit, 0 for none. */
export type ProtectionType = 0 | 1 | 2 | 3;
/** Of type 3 the reference tag is the application's own, and this where a unit makes it. */
const UNCHECKED_REFERENCE = 0xffff_ffff;

/** Which tags a unit checks, by RDPROTECT, WRPROTECT or VRPROTECT. */
interface Checks {
  readonly guard: boolean;
  readonly reference: boolean;
}

const CHECKS: ReadonlyMap<bigint, Checks> = new Map([
  [1n, { guard: true, reference: true }],
  [2n, { guard: false, reference: true }],
  [3n, { guard: false, reference: false }],
  [4n, { guard: true, reference: false }],
  [5n, { guard: true, reference: true }],
]);

/** What a value of RDPROTECT or WRPROTECT other than 0 has a unit check; undefined for a reserved value. */
export function checksOf(protect: bigint): Checks | undefined {
  return CHECKS.get(protect);
}

const POLYNOMIAL = 0x8bb7;
const CRC_OF_BYTE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** The guard of a block. */
export function guardOf(block: Uint8Array): number {
  let crc = 0;
  for (const byte of block) crc = ((crc << 8) ^ (CRC_OF_BYTE[(crc >> 8) ^ byte] ?? 0)) & 0xffff;
  return crc;
}

/** The reference tag that a block of a unit with this type has by its address. */
export const referenceOf = (lba: bigint): number => Number(BigInt.asUintN(32, lba));

/** What a unit makes for a block that came without protection information. */
export function generated(type: ProtectionType, lba: bigint, block: Uint8Array): Uint8Array {
  return protectionTuple.encode({
    guard: guardOf(block),
    reference_tag: type === 3 ? UNCHECKED_REFERENCE : referenceOf(lba),
  });
}

/** Which check of a block fails, the guard's first; without `reference` there is nothing to compare the tag with. */
export function failedCheck(
  block: Uint8Array,
  tuple: Uint8Array,
  checks: Checks,
  reference: number | undefined,
): 'guard' | 'reference' | undefined {
  const { guard, reference_tag } = protectionTuple.read(tuple);
  if (checks.guard && guard !== guardOf(block)) return 'guard';
  return checks.reference && reference !== undefined && reference_tag !== reference ? 'reference' : undefined;
}
