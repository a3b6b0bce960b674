/** INQUIRY parameter data (SPC-5, standard INQUIRY data; peripheral device types). */
import { bytes, struct, u8 } from '../layout.js';

/** The 36 bytes of standard INQUIRY data that every device returns. */
export const standardInquiry = struct('standard INQUIRY data', {
  /** PERIPHERAL QUALIFIER bits 7-5, PERIPHERAL DEVICE TYPE bits 4-0. */
  peripheral: u8,
  /** RMB bit 7, LU_CONG bit 6. */
  removable: u8,
  version: u8,
  /** NORMACA bit 5, HISUP bit 4, RESPONSE DATA FORMAT bits 3-0. */
  format: u8,
  additional_length: u8,
  /** SCCS bit 7, TPGS bits 5-4, 3PC bit 3, PROTECT bit 0. */
  flags5: u8,
  /** ENCSERV bit 6, MULTIP bit 4. */
  flags6: u8,
  /** CMDQUE bit 1. */
  flags7: u8,
  vendor: bytes(8),
  product: bytes(16),
  revision: bytes(4),
});

export const DeviceType = { DISK: 0x00, TAPE: 0x01, CDROM: 0x05, WELL_KNOWN: 0x1e, UNKNOWN: 0x1f } as const;
/** Peripheral qualifier 011b with type 1Fh: no unit can be here. */
export const PERIPHERAL_NO_UNIT = 0x7f;
