/** `vscsi merge`: the results of all parts of a run as those of the whole. */
import { readResults } from '../report/read-results.js';
import type { TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { mergeParts } from '../run/merge.js';
import { writeReports } from './file-reports.js';
import { type JudgeOptions, judge, standardOf } from './judge.js';

export type MergeOptions = Omit<JudgeOptions, 'baseline'>;

/** Says what is there, and writes the reports. Throws MergeError, ResultsFileError and KnownListError. */
export function mergeCommand(
  files: readonly string[],
  options: MergeOptions,
  out: TextSink,
  errors: TextSink,
): number {
  const standard = standardOf(options);
  const { results, gate } = judge(mergeParts(files.map(readResults)), standard);
  const { dut, summary, suite } = results;
  out.write(
    `${files.length} parts of ${dut.name} ${dut.version}, case set ${suite.caseSetHash.slice(0, 12)}: ${summary.total} results\n`,
  );
  return writeReports(options.report ?? [], results, gate, errors) ? ExitCode.CONFORMANT : ExitCode.REPORT;
}
