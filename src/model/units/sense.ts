/** Sense data, and the way by which a command handler reports an error (SPC-5, "Sense data"). */
import {
  descriptorSense,
  fixedSense,
  SenseKey,
  SenseResponseCode,
  type SenseTriple,
} from '../../wire/scsi/sense.js';

/** What sense data say beyond the triple. */
export interface SenseInfo extends SenseTriple {
  /** INFORMATION field. */
  readonly information?: bigint;
  /** The error is that of an earlier command. */
  readonly deferred?: boolean;
  /** Field pointer of an ILLEGAL REQUEST: byte and, where known, bit of the CDB or of the parameter list. */
  readonly pointer?: { readonly inCdb: boolean; readonly byte: number; readonly bit?: number };
}

/**
 * Ends a command with CHECK CONDITION; thrown by handlers, caught by the unit. It is an outcome like any other and no
 * `Error`: a stack trace of each would cost more than the command.
 */
export class CheckCondition {
  readonly sense: SenseInfo;
  /** Bytes of data-out that were taken before the error. */
  readonly taken: number;
  constructor(sense: SenseInfo, taken = 0) {
    this.sense = sense;
    this.taken = taken;
  }
}

const illegal = (asc: number, ascq: number): SenseTriple => ({ key: SenseKey['ILLEGAL REQUEST'], asc, ascq });
const attention = (asc: number, ascq: number): SenseTriple => ({
  key: SenseKey['UNIT ATTENTION'],
  asc,
  ascq,
});

const aborted = (asc: number, ascq: number): SenseTriple => ({ key: SenseKey['ABORTED COMMAND'], asc, ascq });

/** Conditions by the names of SPC. */
export const Sense = {
  NO_SENSE: { key: SenseKey['NO SENSE'], asc: 0x00, ascq: 0x00 },
  INVALID_OPCODE: illegal(0x20, 0x00),
  LBA_OUT_OF_RANGE: illegal(0x21, 0x00),
  INVALID_FIELD_IN_CDB: illegal(0x24, 0x00),
  UNIT_NOT_SUPPORTED: illegal(0x25, 0x00),
  INVALID_FIELD_IN_PARAMETER_LIST: illegal(0x26, 0x00),
  INVALID_RELEASE: illegal(0x26, 0x04),
  PARAMETER_LIST_LENGTH_ERROR: illegal(0x1a, 0x00),
  COMMAND_SEQUENCE_ERROR: illegal(0x2c, 0x00),
  SAVING_NOT_SUPPORTED: illegal(0x39, 0x00),
  INVALID_MESSAGE: illegal(0x49, 0x00),
  MEDIUM_REMOVAL_PREVENTED: illegal(0x53, 0x02),
  MEDIUM_NOT_PRESENT: { key: SenseKey['NOT READY'], asc: 0x3a, ascq: 0x00 },
  NO_MEDIUM_TRAY_CLOSED: { key: SenseKey['NOT READY'], asc: 0x3a, ascq: 0x01 },
  NO_MEDIUM_TRAY_OPEN: { key: SenseKey['NOT READY'], asc: 0x3a, ascq: 0x02 },
  WRITE_ERROR: { key: SenseKey['MEDIUM ERROR'], asc: 0x0c, ascq: 0x00 },
  UNRECOVERED_READ_ERROR: { key: SenseKey['MEDIUM ERROR'], asc: 0x11, ascq: 0x00 },
  NOT_READY_STOPPED: { key: SenseKey['NOT READY'], asc: 0x04, ascq: 0x02 },
  WRITE_PROTECTED: { key: SenseKey['DATA PROTECT'], asc: 0x27, ascq: 0x00 },
  SOFTWARE_WRITE_PROTECTED: { key: SenseKey['DATA PROTECT'], asc: 0x27, ascq: 0x02 },
  GUARD_CHECK_FAILED: aborted(0x10, 0x01),
  REFERENCE_TAG_CHECK_FAILED: aborted(0x10, 0x03),
  MISCOMPARE: { key: SenseKey.MISCOMPARE, asc: 0x1d, ascq: 0x00 },
  MEDIUM_MAY_HAVE_CHANGED: attention(0x28, 0x00),
  POWER_ON: attention(0x29, 0x00),
  BUS_DEVICE_RESET: attention(0x29, 0x03),
  I_T_NEXUS_LOSS: attention(0x29, 0x07),
  MODE_PARAMETERS_CHANGED: attention(0x2a, 0x01),
  CAPACITY_CHANGED: attention(0x2a, 0x09),
  REPORTED_LUNS_CHANGED: attention(0x3f, 0x0e),
} as const;

const VALID = 0x80;
const SKSV = 0x80;
const IN_CDB = 0x40;
const BPV = 0x08;

function keySpecific({ pointer }: SenseInfo): Uint8Array | undefined {
  if (pointer === undefined) return undefined;
  const bit = pointer.bit === undefined ? 0 : BPV | pointer.bit;
  return Uint8Array.of(SKSV | (pointer.inCdb ? IN_CDB : 0) | bit, pointer.byte >> 8, pointer.byte & 0xff);
}

/** Encodes sense data: 18 bytes in fixed format, or a header and descriptors. */
export function encodeSense(info: SenseInfo, descriptors: boolean): Uint8Array {
  const specific = keySpecific(info);
  if (!descriptors) {
    const fits = info.information !== undefined && info.information <= 0xffff_ffffn;
    return fixedSense.encode({
      response_code:
        (info.deferred ? SenseResponseCode.FIXED_DEFERRED : SenseResponseCode.FIXED_CURRENT) |
        (fits ? VALID : 0),
      sense_key: info.key,
      information: fits ? Number(info.information) : 0,
      additional_sense_length: fixedSense.size - 8,
      asc: info.asc,
      ascq: info.ascq,
      ...(specific && { sense_key_specific: specific }),
    });
  }
  const parts: number[] = [];
  if (info.information !== undefined) {
    const value = new DataView(new ArrayBuffer(8));
    value.setBigUint64(0, info.information);
    parts.push(0x00, 0x0a, VALID, 0, ...new Uint8Array(value.buffer));
  }
  if (specific) parts.push(0x02, 0x06, 0, 0, ...specific, 0);
  const out = new Uint8Array(descriptorSense.size + parts.length);
  descriptorSense.write(out, {
    response_code: info.deferred
      ? SenseResponseCode.DESCRIPTOR_DEFERRED
      : SenseResponseCode.DESCRIPTOR_CURRENT,
    sense_key: info.key,
    asc: info.asc,
    ascq: info.ascq,
    additional_sense_length: parts.length,
  });
  out.set(parts, descriptorSense.size);
  return out;
}
