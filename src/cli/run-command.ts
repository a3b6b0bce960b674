/** `vscsi run`: the cases on one or more devices. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { CaseFile } from '../cases/types.js';
import { DutSetupError } from '../duts/dut.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import { caseEvent, type HeaderEvent } from '../report/events.js';
import { bold, type TextSink } from '../report/style.js';
import { TerminalReport } from '../report/terminal.js';
import { type AllTransportsOptions, superviseAll, transportsNeeded } from '../run/all-transports.js';
import { catalogue } from '../run/catalogue.js';
import { bisectExitCode } from '../run/exit-code.js';
import { knownDeviation, today } from '../run/gate.js';
import { onlyInLab, superviseInLab } from '../run/in-lab.js';
import { heldBack, type KnownList } from '../run/known.js';
import { type CheckedFiles, checkCaseFiles, ownCases } from '../run/load-cases.js';
import type { Selection } from '../run/messages.js';
import { resultKey } from '../run/modes.js';
import { hashCaseFiles, SUITE_VERSION } from '../run/package-info.js';
import { replayCommand } from '../run/replay-command.js';
import { inOrder } from '../run/result-order.js';
import {
  type CaseResult,
  judgeStanding,
  RED,
  type RunRequest,
  type RunResults,
  summarise,
} from '../run/results.js';
import { NEWEST_SPEC } from '../run/spec-version.js';
import type { Supervised } from '../run/supervisor.js';
import type { TraceChoice } from '../run/trace.js';
import { WorkerPool } from '../run/worker-pool.js';
import { type Conclusion, conclude, type Outcome } from './conclusion.js';
import { chooseDevices, type Device } from './devices.js';
import { UsageError } from './errors.js';
import { Evidence } from './evidence.js';
import { FileReports, reportFile } from './file-reports.js';
import { jobsFor } from './jobs.js';
import { judge, knownListFor, type Standard, standardOf } from './judge.js';
import { PrintedTraces } from './printed-traces.js';
import { type Resumed, refuseOtherDevice, refuseOtherRun, resumedRun } from './resume.js';
import { type RunOptions, requestOf } from './run-options.js';
import { nothingSelected, selectionOf } from './select-cases.js';

/** The parts of a run are to make the same random choices, whichever machines they run on. */
function newSeed({ shard }: RunOptions, caseSetHash: string): number {
  return shard === undefined ? randomInt(1, 2 ** 31) : 1 + Number.parseInt(caseSetHash.slice(0, 7), 16);
}

/** Everything a run needs that does not depend on the device. */
interface Job {
  readonly options: RunOptions;
  readonly caseSetHash: string;
  readonly files: readonly CaseFile[];
  readonly selection: Selection;
  /** The run that this one goes on with. */
  readonly resumed: Resumed | undefined;
  readonly seed: number;
  readonly severalDevices: boolean;
  readonly standard: Standard;
  readonly report: TerminalReport;
  readonly errors: TextSink;
  readonly evidence: Evidence;
  /** Where traces go, if anywhere. */
  readonly traces: string | PrintedTraces | undefined;
  readonly interrupt: AbortSignal;
}

/** Runs and reports; resolves to the exit code. Throws UsageError, CaseFilesError, KnownListError and ResultsFileError. */
export async function runCommand(
  options: RunOptions,
  out: TextSink,
  errors: TextSink,
  interrupt: AbortSignal,
): Promise<number> {
  const { conclusion } = await runDevices(options, { out, errors, interrupt });
  return options.exitCode === 'bisect' ? bisectExitCode(conclusion.code) : conclusion.code;
}

/** Runs and reports; resolves to what came of each device, and of all. Throws what `runCommand` throws. */
export async function runDevices(options: RunOptions, around: Surroundings): Promise<Ran> {
  const cases = options.cases ? checkCaseFiles(options.cases) : ownCases();
  const workers = new WorkerPool(cases.files);
  try {
    return await runAll(options, cases, workers, around);
  } finally {
    await workers.end();
  }
}

interface Ran {
  readonly outcomes: readonly Outcome[];
  readonly conclusion: Conclusion;
}

export interface Surroundings {
  readonly out: TextSink;
  readonly errors: TextSink;
  readonly interrupt: AbortSignal;
}

async function runAll(
  options: RunOptions,
  { paths: caseFiles, files }: CheckedFiles,
  workers: WorkerPool,
  { out, errors, interrupt }: Surroundings,
): Promise<Ran> {
  const resumed = resumedRun(options);
  const selection: Selection = {
    ...selectionOf(files, options),
    ...(options.shard && { shard: options.shard }),
    ...(resumed && { without: resumed.results.cases.map(resultKey) }),
  };
  const caseSetHash = hashCaseFiles(caseFiles);
  const seed = options.seed ?? resumed?.results.seed ?? newSeed(options, caseSetHash);
  const standard = standardOf(options);
  const { devices, leftOut } = await chooseDevices(options, seed);
  if (standard.baseline !== undefined && devices.length > 1)
    throw new UsageError(`--baseline ${standard.baseline.file} is of one device; name the device with --dut`);
  if (resumed !== undefined && devices.length > 1)
    throw new UsageError(`--resume ${resumed.file} is of one device; name the device with --dut`);
  const report = new TerminalReport(out, options.verbose ?? false, (id) => catalogue().get(id)?.text);
  for (const { kind, what, remedy } of leftOut) report.remark(`${kind} is left out: ${what}; ${remedy}`);
  const job: Job = {
    options,
    caseSetHash,
    files,
    selection,
    resumed,
    seed,
    severalDevices: devices.length > 1,
    standard,
    report,
    errors,
    evidence: new Evidence(),
    traces: options.trace === true ? new PrintedTraces() : options.trace,
    interrupt,
  };
  const outcomes: (Outcome & { readonly reportFailed: boolean })[] = [];
  try {
    for (const device of devices) {
      if (interrupt.aborted) break;
      outcomes.push(await runOnDevice(device, job, workers));
    }
  } finally {
    if (job.traces instanceof PrintedTraces) job.traces.end();
  }
  if (job.evidence.folder !== undefined)
    report.remark(`evidence of the red cases: ${bold(out, job.evidence.folder)}`);
  const reportFailed = outcomes.some((outcome) => outcome.reportFailed);
  const conclusion = conclude(outcomes, interrupt.aborted, reportFailed);
  report.verdict(conclusion.text, conclusion.good);
  return { outcomes, conclusion };
}

async function runOnDevice(
  device: Device,
  job: Job,
  workers: WorkerPool,
): Promise<Outcome & { readonly reportFailed: boolean }> {
  const { options, report, errors, seed } = job;
  let failed = false;
  const targets = (options.report ?? []).map(({ format, file }) => ({
    format,
    file: reportFile(file, device.label, job.severalDevices),
  }));
  const files = new FileReports(targets, (error) => {
    failed = true;
    errors.write(`vscsi: ${error.message}\n`);
  });
  let list: KnownList | undefined;
  let started = false;
  const facts = factsOf(job, device);
  const { resumed } = job;
  if (resumed !== undefined) refuseOtherRun(resumed, facts);
  const earlier = resumed?.events ?? [];
  try {
    const { adapter } = device;
    const modes = options.modes ?? 'default';
    const common: Omit<AllTransportsOptions, 'workers' | 'heldBack'> = {
      adapter,
      transports: transportsNeeded(job.files, job.selection, modes, adapter.transports),
      modes,
      selection: job.selection,
      order: {
        ...(options.shuffle !== undefined && { shuffle: options.shuffle }),
        reverse: options.reverse ?? false,
      },
      seed,
      strict: options.strict ?? false,
      ...(options.resend && { resend: options.resend }),
      ...(job.traces !== undefined && { trace: traceChoice(job.traces, device, job) }),
      onNoTrace: (message) => {
        if (!failed) errors.write(`vscsi: no trace: ${message}\n`);
        failed = true;
      },
      ...(options.spec !== undefined && { spec: options.spec }),
      ...jobsFor(adapter, options.jobs),
      hangMs: options.timeout,
      interrupt: job.interrupt,
      onStarted: (identity, transport) => {
        if (resumed !== undefined) refuseOtherDevice(resumed, identity);
        if (!started) list = knownListFor(identity, job.standard);
        report.started({
          ...identity,
          transport,
          seed,
          reasonOf: (result) => knownDeviation(list, identity.version, result, today())?.reason,
          replay: (one) => replayCommand(one, facts),
        });
        if (started) return;
        started = true;
        files.started({ type: 'header', ...facts, environment: environment(), dut: identity }, earlier);
        if (resumed !== undefined)
          report.remark(`${resumed.file}: ${earlier.length} results are there already`);
        for (const [index, result] of earlier.entries()) report.result(result, index + 1, earlier.length);
      },
      onResult: (result, { done, planned, log }, standing) => {
        if (job.traces instanceof PrintedTraces) {
          const text = job.traces.take(job.severalDevices ? device.label : '', result);
          if (text !== undefined) report.remark(`${text}\n`);
        }
        report.result(result, earlier.length + done, earlier.length + planned);
        files.result(caseEvent(result, standing));
        if (options.keep === true && RED.has(result.verdict))
          failed ||= !keepEvidence(job, device, result, log);
      },
    };
    const run = (await onlyInLab(adapter))
      ? await runInLab(device, common, job)
      : await superviseAll({
          ...common,
          workers,
          ...(options.fatal !== true && { heldBack: ({ version }) => heldBack(list, version) }),
        });
    const mayBeEmpty = resumed !== undefined || options.shard !== undefined;
    if (run.results.length === 0 && !mayBeEmpty && !run.interrupted && run.failure === undefined)
      throw new UsageError(emptySelection(job, run.available));
    const { results, ...judged } = judge(resultsOf(run, facts, resumed), job.standard, run.remarks);
    files.finished(results, judged.gate);
    report.finished(results, judged.gate, judged.changes);
    if (run.failure) sayFailed(device, run.failure, job);
    return { ran: { results, ...judged }, setUpFailed: run.failure !== undefined, reportFailed: failed };
  } catch (error) {
    if (!(error instanceof DutSetupError)) throw error;
    sayFailed(device, error, job);
    return { setUpFailed: true, reportFailed: failed };
  }
}

/** What results say of the run before it has begun. */
type Facts = Omit<HeaderEvent, 'type' | 'environment' | 'dut'> & { readonly request: RunRequest };

function factsOf({ options, caseSetHash, seed }: Job, { words }: Device): Facts {
  return {
    schemaVersion: 1,
    suite: { version: SUITE_VERSION, caseSetHash },
    seed,
    strict: options.strict ?? false,
    spec: options.spec ?? NEWEST_SPEC,
    request: requestOf(options, words),
  };
}

function environment(): RunResults['environment'] {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString(),
  };
}

/** A device that this machine does not have. Which of its cases are held back depends on what the lab finds. */
function runInLab(
  { adapter, options: device }: Device,
  common: Omit<AllTransportsOptions, 'workers' | 'heldBack'>,
  job: Job,
): Promise<Supervised> {
  const name = adapter.lab?.family ?? adapter.name;
  const known = job.options.fatal === true ? undefined : knownListFor({ name }, job.standard);
  return superviseInLab({
    ...common,
    files: job.files,
    device,
    ...(known && { known }),
    log: (line) => job.errors.write(`${line}\n`),
  });
}

function traceChoice(traces: string | PrintedTraces, { label }: Device, job: Job): TraceChoice {
  const folder = typeof traces === 'string' ? traces : traces.folder;
  return {
    folder: job.severalDevices ? join(folder, label) : folder,
    keep: job.options.traceRed === true ? 'red' : 'all',
  };
}

/** Whether it could be kept. */
function keepEvidence(job: Job, device: Device, result: CaseResult, log: string | undefined): boolean {
  try {
    job.evidence.keep(device.label, result, log);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    job.errors.write(`vscsi: the evidence of ${resultKey(result)} could not be kept: ${reason}\n`);
    return false;
  }
}

function sayFailed(device: Device, { message, remedy }: DutSetupError, { report }: Job): void {
  report.remark(`${device.label}: ${message}${remedy ? `\n  ${remedy}` : ''}`);
}

function resultsOf(run: Supervised, facts: Facts, resumed: Resumed | undefined): RunResults {
  const cases = inOrder([...(resumed?.results.cases ?? []), ...run.results]);
  const standing = new StandingLedger();
  standing.merge(resumed?.results.standing ?? []);
  standing.merge(run.standing);
  return {
    ...facts,
    environment: environment(),
    dut: { ...run.identity, features: run.features },
    modes: [...new Set(cases.map(({ mode }) => mode))],
    interrupted: run.interrupted,
    ...(run.failure && { failure: run.failure.message }),
    summary: summarise(cases),
    standing: judgeStanding(standing.rows(), facts.strict),
    cases,
  };
}

function emptySelection({ options }: Job, available: readonly string[]): string {
  const { select = [], skip = [] } = options;
  if (available.length > 0 && select.length > 0) return nothingSelected(select, available);
  return `the selection leaves no case${skip.length > 0 ? ` (--skip ${skip.join(' --skip ')})` : ''}`;
}
