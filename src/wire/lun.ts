/** The 8-byte `lun` field of virtio-scsi (virtio 1.4, "Device Operation: Request Queues"). */

/** How the unit number is written: SAM peripheral addressing (0-255) or flat space addressing (0-16383). */
export type LunForm = 'peripheral' | 'flat';

/** Largest target and unit that the single-level form can address. */
export const MAX_TARGET = 255;
export const MAX_UNIT = 16383;

/** The REPORT LUNS well-known logical unit. */
export const REPORT_LUNS_WELL_KNOWN_LUN: Uint8Array = Uint8Array.of(0xc1, 0x01, 0, 0, 0, 0, 0, 0);

/** Encodes target and unit; the flat form is the default, as the Linux driver sends it. Throws RangeError. */
export function encodeLun(target: number, unit: number, form: LunForm = 'flat'): Uint8Array {
  if (!(target >= 0 && target <= MAX_TARGET))
    throw new RangeError(`target ${target} is not 0..${MAX_TARGET}`);
  const limit = form === 'flat' ? MAX_UNIT : 255;
  if (!(unit >= 0 && unit <= limit)) throw new RangeError(`unit ${unit} is not 0..${limit} in ${form} form`);
  const first = form === 'flat' ? 0x40 | (unit >> 8) : 0;
  return Uint8Array.of(1, target, first, unit & 0xff, 0, 0, 0, 0);
}

/** What a `lun` field addresses. */
export type LunAddress =
  | { readonly kind: 'unit'; readonly target: number; readonly unit: number; readonly form: LunForm }
  | { readonly kind: 'report-luns-well-known' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Decodes a `lun` field by the formats that the standard lists; anything else is malformed. */
export function decodeLun(lun: Uint8Array): LunAddress {
  if (lun.length !== 8) return { kind: 'malformed', reason: `${lun.length} bytes instead of 8` };
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, ...rest] = lun;
  const tailIsZero = rest.every((byte) => byte === 0);
  if (b0 === 0xc1 && b1 === 0x01 && b2 === 0 && b3 === 0 && tailIsZero)
    return { kind: 'report-luns-well-known' };
  if (b0 !== 1)
    return { kind: 'malformed', reason: 'first byte is neither 01h nor the well-known unit C1h 01h' };
  if (!tailIsZero) return { kind: 'malformed', reason: 'bytes 4 to 7 are not zero' };
  if (b2 === 0) return { kind: 'unit', target: b1, unit: b3, form: 'peripheral' };
  if ((b2 & 0xc0) === 0x40) return { kind: 'unit', target: b1, unit: ((b2 & 0x3f) << 8) | b3, form: 'flat' };
  return { kind: 'malformed', reason: `bytes 2 and 3 are no single-level LUN` };
}
