/** Results as one JSON object a line, written while the run goes on: a session that ends early loses none. */
import { LineFile } from './report-file.js';
import type { Reporter } from './reporter.js';

/**
 * `{"type":"header"}`, a `{"type":"case"}` for every case as soon as it has its result, and a `{"type":"footer"}` with
 * everything but the cases. Throws ReportError when the file cannot be made.
 */
export function jsonLinesReporter(file: string): Reporter {
  const lines = new LineFile(file);
  const write = (value: unknown) => lines.write(JSON.stringify(value));
  return {
    started: (header) => write({ type: 'header', schemaVersion: 1, ...header }),
    result: (result) => write({ type: 'case', ...result }),
    finished: (results, gate) => {
      const { cases: _, ...rest } = results;
      write({ type: 'footer', ...rest, gate });
      lines.close();
    },
  };
}
