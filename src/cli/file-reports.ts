/** The reports of one device that go to files. One that cannot be written does not stop the run or the others. */
import { extname } from 'node:path';
import { type CaseEvent, caseEvent, type HeaderEvent, headerOf } from '../report/events.js';
import { STANDARD_OUTPUT } from '../report/format.js';
import { ReportError } from '../report/report-file.js';
import { REPORTERS, type Reporter } from '../report/reporter.js';
import type { TextSink } from '../report/style.js';
import type { Gate } from '../run/gate.js';
import type { RunResults } from '../run/results.js';
import { UsageError } from './errors.js';
import type { ReportTarget } from './run-options.js';

/** Feeds all reports alike; `onError` hears of each that fails, once. */
export class FileReports {
  readonly #onError: (error: ReportError) => void;
  #reporters: readonly Reporter[] = [];

  constructor(targets: readonly ReportTarget[], onError: (error: ReportError) => void) {
    this.#onError = onError;
    const reporters: Reporter[] = [];
    for (const { format, file } of targets)
      this.#guard(() => {
        reporters.push(REPORTERS[format](file));
      });
    this.#reporters = reporters;
  }

  /** `earlier`: the results of a run that was cut off and goes on with this one. */
  started(header: HeaderEvent, earlier: readonly CaseEvent[] = []): void {
    this.#each((reporter) => reporter.started?.(header, earlier));
  }

  result(result: CaseEvent): void {
    this.#each((reporter) => reporter.result?.(result));
  }

  finished(results: RunResults, gate: Gate): void {
    this.#each((reporter) => reporter.finished(results, gate));
  }

  #each(act: (reporter: Reporter) => void): void {
    this.#reporters = this.#reporters.filter((reporter) => this.#guard(() => act(reporter)));
  }

  /** Whether it went well. */
  #guard(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (error) {
      if (!(error instanceof ReportError)) throw error;
      this.#onError(error);
      return false;
    }
  }
}

/** `results.json` for one device, `results-qemu.json` where there are several. Throws UsageError for standard output. */
export function reportFile(file: string, label: string, several: boolean): string {
  if (!several) return file;
  if (file === STANDARD_OUTPUT)
    throw new UsageError('standard output takes the report of one device; name the device with --dut');
  const extension = extname(file);
  return `${file.slice(0, file.length - extension.length)}-${label}${extension}`;
}

/** Writes results that are there already to reports; whether all could be written. Says so on `errors` if not. */
export function writeReports(
  targets: readonly ReportTarget[],
  results: RunResults,
  gate: Gate,
  errors: TextSink,
): boolean {
  let written = true;
  const reports = new FileReports(targets, ({ message }) => {
    written = false;
    errors.write(`vscsi: ${message}\n`);
  });
  reports.started(headerOf(results));
  // What the standing checks decided in each case is known of the whole run alone.
  for (const result of results.cases) reports.result(caseEvent(result, []));
  reports.finished(results, gate);
  return written;
}
