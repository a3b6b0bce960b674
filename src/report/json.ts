/** Results as JSON: the machine-readable contract, schemaVersion 1, described by `results.schema.json`. */
import { writeReport } from './report-file.js';
import type { Reporter } from './reporter.js';

/** Written when the run is over. */
export function jsonReporter(file: string): Reporter {
  return {
    finished: (results, gate) => writeReport(file, `${JSON.stringify({ ...results, gate }, undefined, 2)}\n`),
  };
}
