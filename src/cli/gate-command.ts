/** `vscsi gate`: whether stored results pass, by the same rules as those of a run that has just ended. */

import { readResults, type StoredResults } from '../report/read-results.js';
import type { TextSink } from '../report/style.js';
import { TerminalReport } from '../report/terminal.js';
import { catalogue } from '../run/catalogue.js';
import { ExitCode } from '../run/exit-code.js';
import { resultKey } from '../run/modes.js';
import { replayCommand } from '../run/replay-command.js';
import type { RunRequest } from '../run/results.js';
import { type Conclusion, conclude, type Outcome } from './conclusion.js';
import { writeReports } from './file-reports.js';
import { type JudgeOptions, judge, standardOf } from './judge.js';

/** Reports and judges; the exit code. Throws KnownListError and ResultsFileError. */
export function gateCommand(file: string, options: JudgeOptions, out: TextSink, errors: TextSink): number {
  const standard = standardOf(options);
  const stored = readResults(file);
  const ran = judge(stored.results, standard, remarksOn(stored));
  const report = new TerminalReport(out, false, (id) => catalogue().get(id)?.text);
  const unexpected = new Set(ran.gate.unexpected);
  showDevice(report, stored);
  for (const [index, result] of stored.results.cases.entries())
    if (unexpected.has(resultKey(result))) report.result(result, index + 1, stored.results.cases.length);
  report.finished(ran.results, ran.gate, ran.changes);
  const written = writeReports(options.report ?? [], ran.results, ran.gate, errors);
  const { text, good, code } = conclusionOf(ran, !written);
  report.verdict(text, good);
  return code;
}

/** What came of stored results; the cases that a run did not come to are missed even where nothing else is wrong. */
export function conclusionOf(ran: Required<Outcome>['ran'], reportFailed: boolean): Conclusion {
  const { failure, interrupted } = ran.results;
  const conclusion = conclude([{ ran, setUpFailed: failure !== undefined }], false, reportFailed);
  if (!interrupted || conclusion.code === ExitCode.NOT_CONFORMANT) return conclusion;
  return { text: 'INCOMPLETE: the run was ended early', good: false, code: ExitCode.INCOMPLETE };
}

function remarksOn({ results: { request }, cutOff, format }: StoredResults): string[] {
  return [
    ...(cutOff ? ['the results have no end: the run was cut off; "vscsi run --resume" goes on with it'] : []),
    ...(request?.shard ? [`these are part ${request.shard.index} of ${request.shard.count}`] : []),
    ...(format === 'tap'
      ? ['TAP does not say whether the run was of all cases: entries that match nothing are not looked for']
      : []),
  ];
}

/** The line about the device, and what the reports of cases need to know of it. */
export function showDevice(report: TerminalReport, { results }: StoredResults): void {
  const { dut, seed, strict, spec } = results;
  const transports = new Set((results.modes ?? []).map((mode) => mode.split('.')[0] ?? mode));
  const request: RunRequest = results.request ?? { device: ['--dut', dut.name], modes: 'default' };
  const run = { request, seed, ...(strict && { strict }), ...(spec !== undefined && { spec }) };
  report.started({
    ...dut,
    transport: [...transports].join(', '),
    seed,
    reasonOf: () => undefined,
    replay: (one) => replayCommand(one, run),
  });
}
