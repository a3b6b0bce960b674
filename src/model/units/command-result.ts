/** What a command ends in. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import type { SenseInfo } from './sense.js';

export interface CommandResult {
  /** SCSI status. */
  readonly status: number;
  /** With CHECK CONDITION. */
  readonly sense?: SenseInfo;
  /** Sense data in descriptor format (D_SENSE). */
  readonly descriptorSense?: boolean;
  /** Data for the initiator, already cut to the allocation length. */
  readonly data?: Uint8Array;
  /** Protection information of `data`. */
  readonly protection?: Uint8Array;
  /** Bytes of data-out that were taken. */
  readonly taken?: number;
}

export const GOOD: CommandResult = { status: ScsiStatus.GOOD };

/** GOOD status with data for the initiator. */
export function goodWith(data: Uint8Array): CommandResult {
  return { status: ScsiStatus.GOOD, data };
}

/** GOOD status after taking data-out. */
export function goodAfter(taken: number): CommandResult {
  return { status: ScsiStatus.GOOD, taken };
}
