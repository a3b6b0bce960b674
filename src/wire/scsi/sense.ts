/** Sense data, fixed and descriptor format (SPC-5, sense data). */
import { be32, bytes, struct, u8 } from '../layout.js';

export const SenseKey = {
  'NO SENSE': 0x0,
  'RECOVERED ERROR': 0x1,
  'NOT READY': 0x2,
  'MEDIUM ERROR': 0x3,
  'HARDWARE ERROR': 0x4,
  'ILLEGAL REQUEST': 0x5,
  'UNIT ATTENTION': 0x6,
  'DATA PROTECT': 0x7,
  'BLANK CHECK': 0x8,
  'VENDOR SPECIFIC': 0x9,
  'COPY ABORTED': 0xa,
  'ABORTED COMMAND': 0xb,
  'VOLUME OVERFLOW': 0xd,
  MISCOMPARE: 0xe,
  COMPLETED: 0xf,
} as const;

/** Response codes: byte 0 without the VALID bit. */
export const SenseResponseCode = {
  FIXED_CURRENT: 0x70,
  FIXED_DEFERRED: 0x71,
  DESCRIPTOR_CURRENT: 0x72,
  DESCRIPTOR_DEFERRED: 0x73,
} as const;

/** Fixed format, the 18 bytes that every device sends. */
export const fixedSense = struct('fixed format sense data', {
  response_code: u8,
  obsolete: u8,
  /** FILEMARK 80h, EOM 40h, ILI 20h, SDAT_OVFL 10h, SENSE KEY 0Fh. */
  sense_key: u8,
  information: be32,
  additional_sense_length: u8,
  command_specific_information: be32,
  asc: u8,
  ascq: u8,
  field_replaceable_unit_code: u8,
  sense_key_specific: bytes(3),
});

/** Descriptor format, header. */
export const descriptorSense = struct('descriptor format sense data', {
  response_code: u8,
  sense_key: u8,
  asc: u8,
  ascq: u8,
  /** Bit 7 is SDAT_OVFL. */
  flags: u8,
  reserved: bytes(2),
  additional_sense_length: u8,
});

/** The triple by which an error is known. */
export interface SenseTriple {
  readonly key: number;
  readonly asc: number;
  readonly ascq: number;
}

/** `5/24/00`, in hex as cases write it. */
export function formatSense({ key, asc, ascq }: SenseTriple): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `${key.toString(16)}/${hex(asc)}/${hex(ascq)}`;
}

/** Decoded sense, or the reason why it is not well-formed. */
export type ParsedSense =
  | ({ readonly ok: true; readonly deferred: boolean; readonly format: 'fixed' | 'descriptor' } & SenseTriple)
  | { readonly ok: false; readonly reason: string };

/** Parses sense data of either format, checking that length and response code are possible. */
export function parseSense(data: Uint8Array): ParsedSense {
  if (data.length < 4) return { ok: false, reason: `${data.length} bytes are too few for sense data` };
  const code = (data[0] ?? 0) & 0x7f;
  switch (code) {
    case SenseResponseCode.FIXED_CURRENT:
    case SenseResponseCode.FIXED_DEFERRED: {
      if (data.length < 8)
        return { ok: false, reason: `${data.length} bytes are too few for fixed format sense data` };
      const present = Math.min(data.length, 8 + (data[7] ?? 0));
      return {
        ok: true,
        format: 'fixed',
        deferred: code === SenseResponseCode.FIXED_DEFERRED,
        key: (data[2] ?? 0) & 0x0f,
        asc: present > 12 ? (data[12] ?? 0) : 0,
        ascq: present > 13 ? (data[13] ?? 0) : 0,
      };
    }
    case SenseResponseCode.DESCRIPTOR_CURRENT:
    case SenseResponseCode.DESCRIPTOR_DEFERRED:
      if (data.length < 8)
        return { ok: false, reason: `${data.length} bytes are too few for descriptor format sense data` };
      return {
        ok: true,
        format: 'descriptor',
        deferred: code === SenseResponseCode.DESCRIPTOR_DEFERRED,
        key: (data[1] ?? 0) & 0x0f,
        asc: data[2] ?? 0,
        ascq: data[3] ?? 0,
      };
    default:
      return {
        ok: false,
        reason: `response code ${code.toString(16).padStart(2, '0')}h is none of 70h to 73h`,
      };
  }
}
