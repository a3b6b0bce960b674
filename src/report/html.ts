/** Results as one HTML page for a browser, without anything from elsewhere. */
import { ownCovers } from '../run/own-covers.js';
import { showable } from './control-characters.js';
import { htmlPage } from './html/page.js';
import { type PageRun, pageData } from './html/page-data.js';
import { writeReport } from './report-file.js';
import type { Reporter } from './reporter.js';

/** Written when the run is over. */
export function htmlReporter(file: string): Reporter {
  return { finished: (results, gate) => writeReport(file, htmlText([{ results, gate }])) };
}

/** The page of one or more devices, side by side; the same whether results come from a run or have been read. */
export function htmlText(runs: readonly PageRun[]): string {
  return htmlPage(pageData(runs.map(showable), ownCovers()));
}
