/** What every report to a file is: fed by the stream of events, and ended once. */
import type { Gate } from '../run/gate.js';
import type { RunResults } from '../run/results.js';
import type { CaseEvent, HeaderEvent } from './events.js';
import { jsonReporter } from './json.js';
import { jsonLinesReporter } from './jsonl.js';
import { tapReporter } from './tap.js';

/** Each call may throw ReportError; after that none follows. The results at the end are the cases and the footer. */
export interface Reporter {
  started?(header: HeaderEvent): void;
  result?(result: CaseEvent): void;
  finished(results: RunResults, gate: Gate): void;
}

/** The formats, by the names of `--report`. */
export const REPORTERS = {
  json: jsonReporter,
  jsonl: jsonLinesReporter,
  tap: tapReporter,
} as const satisfies Readonly<Record<string, (file: string) => Reporter>>;

export type ReportFormat = keyof typeof REPORTERS;
