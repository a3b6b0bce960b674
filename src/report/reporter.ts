/** What every report to a file is: fed case by case, and ended once. */
import type { DutIdentity } from '../duts/dut.js';
import type { Gate } from '../run/known.js';
import type { CaseResult, RunResults } from '../run/results.js';
import { jsonReporter } from './json.js';
import { jsonLinesReporter } from './jsonl.js';
import { tapReporter } from './tap.js';

/** What is known when a run begins. */
export interface RunHeader {
  readonly suite: { readonly version: string };
  readonly dut: DutIdentity;
  readonly seed: number;
}

/** Each call may throw ReportError; after that none follows. */
export interface Reporter {
  started?(header: RunHeader): void;
  result?(result: CaseResult): void;
  finished(results: RunResults, gate: Gate): void;
}

/** The formats, by the names of `--report`. */
export const REPORTERS = {
  json: jsonReporter,
  jsonl: jsonLinesReporter,
  tap: tapReporter,
} as const satisfies Readonly<Record<string, (file: string) => Reporter>>;

export type ReportFormat = keyof typeof REPORTERS;
