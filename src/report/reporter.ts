/** What every report to a file is: fed by the stream of events, and ended once. */
import type { Gate } from '../run/gate.js';
import type { RunResults } from '../run/results.js';
import type { CaseEvent, HeaderEvent } from './events.js';
import type { ReportFormat } from './format.js';
import { htmlReporter } from './html.js';
import { jsonReporter } from './json.js';
import { jsonLinesReporter } from './jsonl.js';
import { junitReporter } from './junit.js';
import { markdownReporter } from './markdown.js';
import { tapReporter } from './tap.js';

/** Each call may throw ReportError; after that none follows. The results at the end are the cases and the footer. */
export interface Reporter {
  /** `earlier`: the results of a run that was cut off and goes on with this one. */
  started?(header: HeaderEvent, earlier: readonly CaseEvent[]): void;
  result?(result: CaseEvent): void;
  finished(results: RunResults, gate: Gate): void;
}

/** The formats, by the names of `--report`. */
export const REPORTERS = {
  html: htmlReporter,
  json: jsonReporter,
  jsonl: jsonLinesReporter,
  junit: junitReporter,
  markdown: markdownReporter,
  tap: tapReporter,
} as const satisfies Readonly<Record<ReportFormat, (file: string) => Reporter>>;
