/** The stream of events itself, one JSON object a line, while the run goes on: one that ends early loses no result. */
import { footerEvent, type RunEvent } from './events.js';
import { LineFile } from './report-file.js';
import type { Reporter } from './reporter.js';

/** The file that a run goes on from may be the one that it writes to. */
export function jsonLinesReporter(file: string): Reporter {
  let lines: LineFile | undefined;
  const line = (event: RunEvent) => JSON.stringify(event);
  return {
    started: (header, earlier) => {
      lines = new LineFile(file, [header, ...earlier].map(line));
    },
    result: (event) => lines?.write(line(event)),
    finished: (results, gate) => {
      lines?.write(line(footerEvent(results, gate)));
      lines?.close();
    },
  };
}
