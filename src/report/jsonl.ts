/** The stream of events itself, one JSON object a line, while the run goes on: one that ends early loses no result. */
import { footerEvent, type RunEvent } from './events.js';
import { LineFile } from './report-file.js';
import type { Reporter } from './reporter.js';

/** Throws ReportError when the file cannot be made. */
export function jsonLinesReporter(file: string): Reporter {
  const lines = new LineFile(file);
  const write = (event: RunEvent) => lines.write(JSON.stringify(event));
  return {
    started: write,
    result: write,
    finished: (results, gate) => {
      write(footerEvent(results, gate));
      lines.close();
    },
  };
}
