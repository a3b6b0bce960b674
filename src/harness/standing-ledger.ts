/** Standing checks, aggregated: one row a check, however often it was violated. */
import { STANDING_CHECKS, type StandingCheck, type Violation } from './violation.js';

/** Where an exchange stood when it was judged. */
export interface ExchangePlace {
  /** Id of the case. */
  readonly case: string;
  /** Name of the mode in which it ran. */
  readonly mode?: string;
  /** Number of the step, from 1, or `set-up`. */
  readonly step: string;
}

/** One row of the report. */
export interface StandingRow {
  readonly check: StandingCheck;
  readonly requirement: string;
  readonly severity: 'fail' | 'warn';
  readonly violations: number;
  /** Exchanges on which the check could be decided. */
  readonly exchanges: number;
  readonly firstExample?: Violation & ExchangePlace;
}

/** What a row counts; the rest of it follows from the check. */
export type StandingCount = Pick<StandingRow, 'check' | 'violations' | 'exchanges' | 'firstExample'>;

/** Counts what every standing check found. */
export class StandingLedger {
  readonly #rows = new Map<
    StandingCheck,
    { violations: number; exchanges: number; first?: Violation & ExchangePlace }
  >();

  /** Enters one decision; `violation` undefined when the check held. */
  record(check: StandingCheck, violation: Violation | undefined, place: ExchangePlace): void {
    let row = this.#rows.get(check);
    if (row === undefined) {
      row = { violations: 0, exchanges: 0 };
      this.#rows.set(check, row);
    }
    row.exchanges++;
    if (violation === undefined) return;
    row.violations++;
    row.first ??= { ...violation, ...place };
  }

  /** The rows of all checks that were decided at least once, in the order of the table of checks. */
  rows(): StandingRow[] {
    const out: StandingRow[] = [];
    for (const check of Object.keys(STANDING_CHECKS) as StandingCheck[]) {
      const row = this.#rows.get(check);
      if (row === undefined) continue;
      const { requirement, severity } = STANDING_CHECKS[check];
      const { violations, exchanges, first } = row;
      out.push({
        check,
        requirement,
        severity,
        violations,
        exchanges,
        ...(first && { firstExample: first }),
      });
    }
    return out;
  }

  /** Adds the rows of another ledger, as kept by a part of the same run. */
  merge(rows: readonly StandingCount[]): void {
    for (const { check, violations, exchanges, firstExample } of rows) {
      const row = this.#rows.get(check) ?? { violations: 0, exchanges: 0 };
      this.#rows.set(check, row);
      row.exchanges += exchanges;
      row.violations += violations;
      if (firstExample) row.first ??= firstExample;
    }
  }
}
