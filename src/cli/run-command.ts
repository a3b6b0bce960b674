/** `vscsi run`: the cases on one or more devices. */

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DutSetupError } from '../duts/dut.js';
import { ADAPTERS, type DutOptions } from '../duts/registry.js';
import { writeJsonReport } from '../report/json.js';
import { JsonLinesReport } from '../report/jsonl.js';
import { TerminalReport, type TextSink } from '../report/terminal.js';
import { ExitCode } from '../run/exit-code.js';
import { type Gate, gate, type KnownList, loadKnownList } from '../run/known.js';
import { checkCaseFiles } from '../run/load-cases.js';
import { hashCaseFiles, KNOWN_LISTS, SPEC_CASES, SUITE_VERSION } from '../run/package-info.js';
import { type CaseResult, judgeStanding, type RunResults, summarise } from '../run/results.js';
import { supervise } from '../run/supervisor.js';
import { UsageError } from './errors.js';

export interface RunOptions {
  readonly dut?: readonly string[];
  readonly cases?: readonly string[];
  readonly select?: readonly string[];
  readonly known?: string;
  readonly seed?: number;
  readonly timeout: number;
  readonly report?: readonly ReportTarget[];
  readonly verbose?: boolean;
  readonly qemu?: string;
  readonly mmap: boolean;
  readonly mutant?: string;
}

export interface ReportTarget {
  readonly format: 'json' | 'jsonl';
  readonly file: string;
}

/** Everything a run needs that does not depend on the device. */
interface Job {
  readonly options: RunOptions;
  readonly caseFiles: readonly string[];
  readonly seed: number;
  readonly severalDuts: boolean;
  readonly report: TerminalReport;
  readonly interrupt: AbortSignal;
}

/** Runs and reports; resolves to the exit code. Throws UsageError and KnownListError. */
export async function runCommand(
  options: RunOptions,
  out: TextSink,
  interrupt: AbortSignal,
): Promise<number> {
  const { paths: caseFiles } = checkCaseFiles(options.cases ?? [SPEC_CASES]);
  const seed = options.seed ?? randomInt(1, 2 ** 31);
  const dutOptions: DutOptions = {
    mmap: options.mmap,
    seed,
    ...(options.qemu !== undefined && { qemuBinary: options.qemu }),
    ...(options.mutant !== undefined && { mutant: options.mutant }),
  };
  const names = await chooseDuts(options, dutOptions, out);
  const report = new TerminalReport(out, options.verbose ?? false);
  const job: Job = { options, caseFiles, seed, severalDuts: names.length > 1, report, interrupt };
  const outcomes: Outcome[] = [];
  for (const name of names) {
    if (interrupt.aborted) break;
    outcomes.push(await runOneDut(name, dutOptions, job, out));
  }
  return conclude(outcomes, report, interrupt.aborted);
}

/** The devices asked for; without a wish the model, and QEMU where it is installed. */
async function chooseDuts(options: RunOptions, dutOptions: DutOptions, out: TextSink): Promise<string[]> {
  for (const name of options.dut ?? [])
    if (!(name in ADAPTERS))
      throw new UsageError(`no device kind is called ${name}; there are ${Object.keys(ADAPTERS).join(', ')}`);
  if (options.dut !== undefined && options.dut.length > 0) return [...options.dut];
  const names = ['model'];
  const obstacles = (await ADAPTERS.qemu?.(dutOptions).obstacles()) ?? [];
  if (obstacles.length === 0) names.push('qemu');
  else for (const { what, remedy } of obstacles) out.write(`qemu is left out: ${what}; ${remedy}\n`);
  return names;
}

/** What came of one device. */
type Outcome =
  | { readonly kind: 'ran'; readonly results: RunResults; readonly gate: Gate }
  | { readonly kind: 'set-up-failed' };

async function runOneDut(name: string, dutOptions: DutOptions, job: Job, out: TextSink): Promise<Outcome> {
  const { options, report } = job;
  const adapter = ADAPTERS[name]?.(dutOptions);
  if (adapter === undefined) throw new UsageError(`no device kind is called ${name}`);
  const targets = (options.report ?? []).map((target) => ({
    ...target,
    file: reportFile(target.file, name, job.severalDuts),
  }));
  const lines = targets
    .filter(({ format }) => format === 'jsonl')
    .map(({ file }) => new JsonLinesReport(file));
  const gathered: CaseResult[] = [];
  try {
    const run = await supervise({
      adapter,
      caseFiles: job.caseFiles,
      select: options.select ?? [],
      seed: job.seed,
      hangMs: options.timeout,
      interrupt: job.interrupt,
      onStarted: (identity) => {
        report.started(identity.name, identity.version, identity.details, job.seed);
        for (const line of lines)
          line.header({ suite: { version: SUITE_VERSION }, dut: identity, seed: job.seed });
      },
      onResult: (result, planned) => {
        gathered.push(result);
        report.result(result, gathered.length, planned);
        for (const line of lines) line.result(result);
      },
    });
    const results: RunResults = {
      schemaVersion: 1,
      suite: { version: SUITE_VERSION, caseSetHash: hashCaseFiles(job.caseFiles) },
      environment: {
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        date: new Date().toISOString(),
      },
      dut: { ...run.identity, features: run.features },
      seed: job.seed,
      interrupted: run.interrupted,
      summary: summarise(run.results),
      standing: judgeStanding(run.standing.rows()),
      cases: run.results,
    };
    const complete = (options.select ?? []).length === 0 && options.cases === undefined && !run.interrupted;
    const judged = gate(results, knownListFor(name, options), complete);
    for (const { format, file } of targets) if (format === 'json') writeJsonReport(file, results);
    for (const line of lines) line.footer(results);
    report.finished(results, judged, run.identity.details.command);
    return { kind: 'ran', results, gate: judged };
  } catch (error) {
    if (!(error instanceof DutSetupError)) throw error;
    out.write(`${name}: ${error.message}${error.remedy ? `\n  ${error.remedy}` : ''}\n`);
    return { kind: 'set-up-failed' };
  }
}

/** The list given by hand, else the one that comes with the suite for this kind of device. */
function knownListFor(name: string, options: RunOptions): KnownList | undefined {
  if (options.known !== undefined) return loadKnownList(options.known);
  const own = join(KNOWN_LISTS, `${name}.yaml`);
  return existsSync(own) ? loadKnownList(own) : undefined;
}

/** `results.json` for one device, `results-qemu.json` where there are several. */
function reportFile(file: string, dut: string, several: boolean): string {
  if (!several) return file;
  const dot = file.lastIndexOf('.');
  return dot > file.lastIndexOf('/') ? `${file.slice(0, dot)}-${dut}${file.slice(dot)}` : `${file}-${dut}`;
}

/** Prints the last line and finds the exit code. The worst device decides. */
function conclude(outcomes: readonly Outcome[], report: TerminalReport, interrupted: boolean): number {
  const ran = outcomes.filter((outcome) => outcome.kind === 'ran');
  if (interrupted) {
    report.verdict('INTERRUPTED: the results so far have been reported', false);
    return ExitCode.INTERRUPTED;
  }
  const unexpected = ran.reduce(
    (sum, { gate: { unexpected, stale } }) => sum + unexpected.length + stale.length,
    0,
  );
  if (unexpected > 0) {
    report.verdict('NOT CONFORMANT', false);
    return ExitCode.NOT_CONFORMANT;
  }
  if (ran.length < outcomes.length) {
    report.verdict('DEVICE SET-UP FAILED', false);
    return ExitCode.DUT_SETUP;
  }
  const executed = ran.reduce((sum, { results: { summary } }) => sum + summary.total - summary.skip, 0);
  if (executed === 0) {
    report.verdict('NOTHING EXECUTED', false);
    return ExitCode.NOTHING_EXECUTED;
  }
  const known = ran.reduce((sum, { gate: { known } }) => sum + known.length, 0);
  report.verdict(
    known === 0 ? 'CONFORMANT' : `CONFORMANT BUT FOR ${known} KNOWN DEVIATION${known === 1 ? '' : 'S'}`,
    true,
  );
  return ExitCode.CONFORMANT;
}
