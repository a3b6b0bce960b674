/** What a run produces: findings, verdicts, results. The JSON form is schemaVersion 1. */
import type { Skip } from '../cases/types.js';
import type { StandingRow } from '../harness/standing-ledger.js';
import { rulingOfCheck } from '../harness/violation.js';
import type { ExchangeBytes } from './exchange-bytes.js';
import type { ModeChoice } from './modes.js';
import { allRulings } from './rulings.js';

/** Verdict of a case. `CONFORMANCE.md` says what each means. */
export type Verdict = 'pass' | 'fail' | 'warn' | 'note' | 'skip' | 'crash' | 'hang' | 'error';

/** Why a case was not run. */
export type SkipKind = Skip['kind'];

/** One thing that a case found. */
export interface Finding {
  /** Number of the step from 1 (`3.2` within a repeat), or `set-up`, `liveness`, `clean-up`. */
  readonly step: string;
  /** What was looked at, e.g. `response`, `data_in`. */
  readonly check: string;
  /** Ids of the requirements that it rests on. */
  readonly requirements: readonly string[];
  readonly severity: 'fail' | 'warn' | 'note' | 'crash' | 'hang' | 'error';
  readonly expected: string;
  readonly got: string;
  /** Id of the ruling that says how it counts, where the standard leaves it open. */
  readonly ruling?: string;
  /** The bytes, where the finding is about bytes, in hex. */
  readonly expectedBytes?: string;
  readonly gotBytes?: string;
  /** The bits of `expectedBytes` that count, in hex; left out where all do. */
  readonly maskBytes?: string;
  /** The readable part of the last request sent, in hex. */
  readonly sent?: string;
  /** The exchange that it is about, where it is about one. */
  readonly exchange?: ExchangeBytes;
  /** `file:line:column` of the step. */
  readonly place?: string;
  /** For a crash or hang: whether it came again when the case ran alone on a fresh device. */
  readonly reproduced?: boolean;
}

/** Result of one case in one mode. */
export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly mode: string;
  readonly verdict: Verdict;
  /** Wall clock milliseconds. */
  readonly durationMs: number;
  readonly skip?: { readonly kind: SkipKind; readonly evidence: string };
  readonly findings: readonly Finding[];
  /** Names of the alternatives that were seen, by step. */
  readonly seen?: readonly { readonly step: string; readonly is: string }[];
  /** Place from 0 among all cases by the same transport, those of other shards included. */
  readonly order?: number;
}

/** A standing row with its verdict. */
export interface StandingResult extends StandingRow {
  readonly verdict: 'pass' | 'fail' | 'warn';
}

/** A part of the cases of a run: that of `index`, from 1 to `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** What a run was asked for, as far as it decides which results there are. */
export interface RunRequest {
  /** The words of a command line that ask for the device. */
  readonly device: readonly string[];
  /** Case files and folders; left out for those of the suite. */
  readonly cases?: readonly string[];
  readonly select?: readonly string[];
  readonly skip?: readonly string[];
  readonly area?: string;
  readonly requirement?: string;
  readonly modes: ModeChoice;
  /** Also the cases that the device is known not to survive. */
  readonly fatal?: boolean;
  readonly shard?: Shard;
}

/** Count of cases by verdict. */
export type Summary = { readonly total: number } & { readonly [V in Verdict]: number };

/** The results of one device under test. */
export interface RunResults {
  readonly schemaVersion: 1;
  readonly suite: { readonly version: string; readonly caseSetHash: string };
  readonly environment: { readonly node: string; readonly platform: string; readonly date: string };
  readonly dut: {
    readonly name: string;
    readonly version: string;
    /** Names of the feature bits offered. */
    readonly features: readonly string[];
    readonly details: Readonly<Record<string, string>>;
  };
  /** Reproduces the run's random choices. */
  readonly seed: number;
  /** Names of the modes in which cases have results. */
  readonly modes?: readonly string[];
  /** Whether rulings counted by their strict column. */
  readonly strict?: boolean;
  /** Version of the standard that the device was held to. */
  readonly spec?: string;
  /** Left out where it is not known, as in TAP. */
  readonly request?: RunRequest;
  readonly interrupted: boolean;
  /** Why cases are missing, where the device could not be started again. */
  readonly failure?: string;
  readonly summary: Summary;
  readonly standing: readonly StandingResult[];
  readonly cases: readonly CaseResult[];
}

/** Verdicts that make a case red. */
export const RED: ReadonlySet<Verdict> = new Set(['fail', 'crash', 'hang', 'error']);

/** Verdicts of findings, the heaviest last. */
export const BY_WEIGHT = [
  'note',
  'warn',
  'fail',
  'error',
  'hang',
  'crash',
] as const satisfies readonly Verdict[];

/** The verdict that findings add up to: the heaviest, or `pass` where there are none. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const heaviest = Math.max(-1, ...findings.map(({ severity }) => BY_WEIGHT.indexOf(severity)));
  return BY_WEIGHT[heaviest] ?? 'pass';
}

export function summarise(cases: readonly CaseResult[]): Summary {
  const count = (verdict: Verdict) => cases.filter((result) => result.verdict === verdict).length;
  return {
    total: cases.length,
    pass: count('pass'),
    fail: count('fail'),
    warn: count('warn'),
    note: count('note'),
    skip: count('skip'),
    crash: count('crash'),
    hang: count('hang'),
    error: count('error'),
  };
}

/**
 * The verdicts of standing rows. Violations count as the table of checks says; with `strict`, those about which there is
 * a ruling count by its strict column.
 */
export function judgeStanding(rows: readonly StandingRow[], strict = false): StandingResult[] {
  const severityOf = ({ check, severity }: StandingRow): StandingResult['verdict'] => {
    const id = strict ? rulingOfCheck(check) : undefined;
    const ruling = id === undefined ? undefined : allRulings().get(id);
    if (ruling === undefined) return severity;
    return ruling.strict === 'note' ? 'pass' : ruling.strict;
  };
  return rows.map((row) => ({ ...row, verdict: row.violations === 0 ? 'pass' : severityOf(row) }));
}
