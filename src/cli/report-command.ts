/** `vscsi report`: stored results in a form for people. */
import { htmlText } from '../report/html.js';
import { readResults } from '../report/read-results.js';
import { writeReport } from '../report/report-file.js';
import type { TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';

export interface ReportOptions {
  /** The page to write. */
  readonly html: string;
}

/** Writes one page of all the results, side by side. Throws ResultsFileError and ReportError. */
export function reportCommand(files: readonly string[], { html }: ReportOptions, out: TextSink): number {
  const stored = files.map(readResults);
  writeReport(html, htmlText(stored));
  for (const { file, cutOff } of stored)
    if (cutOff) out.write(`${file} has no end: the run was cut off, and the page says so\n`);
  out.write(`${html}: open it in a browser\n`);
  return ExitCode.CONFORMANT;
}
