/** What a standing check finds. */

/**
 * The checks that hold for every exchange, with the requirement that each rests on and how a violation counts:
 * `fail` where the standard says MUST or fixes a format, `warn` where it is inferred or common practice departs
 * from the letter.
 */
export const STANDING_CHECKS = {
  'used-once': {
    requirement: 'virtio.split.used-id-is-head',
    severity: 'fail',
    about: 'every used entry returns a chain that is outstanding, once',
  },
  'used-length': {
    requirement: 'virtio.split.used-len-bytes-written',
    severity: 'fail',
    about: 'used len does not exceed the device-writable bytes of the chain',
  },
  'used-length-gap': {
    requirement: 'virtio.split.used-len-bytes-written',
    severity: 'warn',
    about: 'the first used len bytes of the writable part have all been written',
    ruling: 'A4.used-length-gap',
  },
  'used-length-short': {
    requirement: 'virtio.split.used-len-total',
    severity: 'warn',
    about: 'used len covers the 12 fixed bytes of the response',
    ruling: 'A3.used-length-short',
  },
  'used-write-flag': {
    requirement: 'virtio.packed.used-write-flag',
    severity: 'warn',
    about: 'a used descriptor of a packed ring says by its WRITE flag that something was written',
    ruling: 'A30.write-flag',
  },
  canary: {
    requirement: 'virtio.split.no-write-outside',
    severity: 'fail',
    about: 'nothing is written beside a buffer',
  },
  'readable-intact': {
    requirement: 'virtio.split.no-write-readable',
    severity: 'fail',
    about: 'device-readable buffers are left as they were',
  },
  'ring-intact': {
    requirement: 'virtio.split.no-write-desc-table',
    severity: 'fail',
    about: 'the descriptor table, the available ring and indirect tables are left as they were',
  },
  'response-written': {
    requirement: 'scsi.req.response-written',
    severity: 'fail',
    about: 'response and status are written',
  },
  'response-fields': {
    requirement: 'scsi.req.response-fields-written',
    severity: 'warn',
    about: 'sense_len, residual and status_qualifier are written',
  },
  codes: {
    requirement: 'scsi.req.response-codes',
    severity: 'fail',
    about: 'response and status hold codes that the standards define',
  },
  sense: {
    requirement: 'scsi.req.sense-len',
    severity: 'fail',
    about: 'sense is well-formed, and present exactly with CHECK CONDITION',
  },
  residual: {
    requirement: 'scsi.req.residual',
    severity: 'fail',
    about: 'residual agrees with the bytes that moved',
  },
  'residual-zeros': {
    requirement: 'scsi.req.residual',
    severity: 'warn',
    about: 'what residual tells as not moved is left as it was, not cleared',
    ruling: 'A66.zeros-behind',
  },
  interrupt: {
    requirement: 'virtio.split.notify-after-used',
    severity: 'fail',
    about: 'the queue interrupts for used buffers unless the driver asked it not to',
  },
  'no-event': {
    requirement: 'scsi.event.no-unprovoked',
    severity: 'warn',
    about: 'no event without a cause',
  },
  'needs-reset': {
    requirement: 'virtio.status.needs-reset-set',
    severity: 'warn',
    about: 'DEVICE_NEEDS_RESET stays clear while the driver keeps the rules',
  },
} as const satisfies Record<
  string,
  {
    requirement: string;
    severity: 'fail' | 'warn';
    about: string;
    /** Id in `rulings.yaml`, where the standard leaves open how a violation counts. */
    ruling?: string;
  }
>;

export type StandingCheck = keyof typeof STANDING_CHECKS;

/** One violation of one standing check. */
export interface Violation {
  readonly check: StandingCheck;
  /** What should have been, and what was. */
  readonly expected: string;
  readonly got: string;
  /** The bytes that show it, where there are some, in hex. */
  readonly bytes?: string;
}

/** Id of the ruling that a check rests on, if any. */
export function rulingOfCheck(check: StandingCheck): string | undefined {
  const entry = STANDING_CHECKS[check];
  return 'ruling' in entry ? entry.ruling : undefined;
}
