/** SCSI status codes (SAM-6; the obsolete ones are left out). */
export const ScsiStatus = {
  GOOD: 0x00,
  'CHECK CONDITION': 0x02,
  'CONDITION MET': 0x04,
  BUSY: 0x08,
  'RESERVATION CONFLICT': 0x18,
  'TASK SET FULL': 0x28,
  'ACA ACTIVE': 0x30,
  'TASK ABORTED': 0x40,
} as const;
export type ScsiStatusName = keyof typeof ScsiStatus;
