/** The pages that say which unit this is: serial number and designators (SPC-5). */
import { ascii } from './inquiry.js';

const CODE_SET_BINARY = 1;
const CODE_SET_ASCII = 2;
const TYPE_T10_VENDOR = 1;
const TYPE_NAA = 3;
const TYPE_RELATIVE_PORT = 4;
const ASSOCIATION_PORT = 0x10;
const NAA_LOCALLY_ASSIGNED = 3n;

/** Page 80h. */
export function serialNumberPage(serial: string): Uint8Array {
  return ascii(serial, serial.length);
}

function designator(codeSet: number, type: number, value: Uint8Array): number[] {
  return [codeSet, type, 0, value.length, ...value];
}

/** A 60-bit value that is the same for the same text and hardly for another (FNV-1a, 64 bits, cut). */
function fingerprint(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) hash = ((hash ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n) & ((1n << 64n) - 1n);
  return hash >> 4n;
}

/** Page 83h: vendor and serial number, a locally assigned NAA name, and the relative target port. */
export function deviceIdentificationPage(vendor: string, serial: string): Uint8Array {
  const naa = new DataView(new ArrayBuffer(8));
  naa.setBigUint64(0, (NAA_LOCALLY_ASSIGNED << 60n) | fingerprint(vendor + serial));
  const t10 = Uint8Array.of(...ascii(vendor, 8), ...ascii(serial, serial.length));
  return Uint8Array.from([
    ...designator(CODE_SET_ASCII, TYPE_T10_VENDOR, t10),
    ...designator(CODE_SET_BINARY, TYPE_NAA, new Uint8Array(naa.buffer)),
    ...designator(CODE_SET_BINARY, ASSOCIATION_PORT | TYPE_RELATIVE_PORT, Uint8Array.of(0, 0, 0, 1)),
  ]);
}
