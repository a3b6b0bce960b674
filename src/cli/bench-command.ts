/** `vscsi bench`: what the harness costs on a device, and how fast the cases of the suite run. */
import { type LoadPort, PORTS } from '../duts/ports.js';
import { ADAPTERS } from '../duts/registry.js';
import type { TextSink } from '../report/style.js';
import type { BenchRow } from '../run/bench.js';
import { benchDevice } from '../run/bench-device.js';
import { benchInLab } from '../run/bench-in-lab.js';
import { benchModes, type ModesFigures } from '../run/bench-modes.js';
import { benchScale, type ScaleFigures } from '../run/bench-scale.js';
import type { SuiteRow } from '../run/bench-suite.js';
import { ExitCode } from '../run/exit-code.js';
import { onlyInLab } from '../run/in-lab.js';
import { ownCases } from '../run/load-cases.js';
import type { ModeChoice } from '../run/modes.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { type Device, deviceOf } from './devices.js';
import { UsageError } from './errors.js';
import { usualJobs } from './jobs.js';
import type { Surroundings } from './run-command.js';

export interface BenchOptions {
  readonly dut: string;
  readonly qemu?: string;
  readonly backend?: readonly string[];
  readonly mmap: boolean;
  readonly unsafeDma?: boolean;
  readonly blocks: number;
  readonly transactions: number;
  /** False for the transactions alone. */
  readonly cases: boolean;
  /** Given: the modes of a run are measured, and nothing else. */
  readonly modes?: ModeChoice;
  readonly jobs?: number;
  /** Given: what finding the units costs, by how many there are, and nothing else. */
  readonly scale?: boolean;
  readonly json?: boolean;
}

const SEED = 1;
/** As long as in a run: a case that hangs is found no sooner here. */
const HANG_MS = 10_000;

/** Throws DutSetupError, DutGoneError and UsageError. */
export async function benchCommand(options: BenchOptions, around: Surroundings): Promise<number> {
  const { out, interrupt } = around;
  const { mmap, unsafeDma = false, qemu, modes, backend } = options;
  const asked = { mmap, unsafeDma, ...(qemu !== undefined && { qemu }), ...(backend && { backend }) };
  const device = deviceOf(options.dut, asked, SEED);
  if (options.scale) return benchUnits(options, device, out);
  if (modes === undefined) return benchHarness(device, options, around);
  const { files } = ownCases();
  const figures = await benchModes({
    adapter: device.adapter,
    modes,
    files,
    jobs: options.jobs ?? usualJobs(device.adapter),
    seed: SEED,
    hangMs: HANG_MS,
    interrupt,
  });
  if (options.json) {
    const { failure, ...rest } = figures;
    const document = { schemaVersion: 1, suite: { version: SUITE_VERSION }, ...rest };
    out.write(`${JSON.stringify({ ...document, complete: failure === undefined }, undefined, 2)}\n`);
  } else modesTable(figures, out);
  if (figures.failure !== undefined) throw figures.failure;
  return interrupt.aborted ? ExitCode.INTERRUPTED : ExitCode.CONFORMANT;
}

/** Discovery of 1 to 512 units. */
async function benchUnits(options: BenchOptions, { kind }: Device, out: TextSink): Promise<number> {
  const { mmap, qemu, dut, blocks, json } = options;
  if (kind !== dut)
    throw new UsageError('--scale makes devices of its own: name a device kind, not a profile');
  const openPort = PORTS[kind] as LoadPort<unknown> | undefined;
  const make = ADAPTERS[kind];
  if (openPort === undefined || make === undefined) throw new UsageError(`no device kind is called ${kind}`);
  const binary = qemu === undefined ? {} : { qemu: { binary: qemu } };
  const figures = await benchScale({
    adapter: (scale) => make({ mmap, seed: SEED, scale, ...binary }),
    openPort,
    rounds: blocks,
    seed: SEED,
  });
  if (json) {
    const document = { schemaVersion: 1, suite: { version: SUITE_VERSION }, ...figures };
    out.write(`${JSON.stringify(document, undefined, 2)}\n`);
  } else scaleTable(figures, blocks, out);
  return ExitCode.CONFORMANT;
}

/** Measures here, or in the lab where only that has the device. */
async function benchHarness(
  { adapter, options: device }: Device,
  options: BenchOptions,
  { out, errors, interrupt }: Surroundings,
): Promise<number> {
  const { files } = ownCases();
  const { blocks, transactions: transactionsPerBlock } = options;
  const extent = { blocks, transactionsPerBlock, seed: SEED, cases: options.cases };
  const log = (text: string) => errors.write(`${text}\n`);
  const { dut, rows, cases } = (await onlyInLab(adapter))
    ? await benchInLab({ adapter, device, files, extent, log, interrupt })
    : await benchDevice(adapter, files, extent);
  if (options.json) {
    const document = { schemaVersion: 1, suite: { version: SUITE_VERSION }, dut, rows, cases };
    out.write(`${JSON.stringify(document, undefined, 2)}\n`);
  } else {
    out.write(`${dut.name} ${dut.version}: medians of ${blocks} blocks of ${transactionsPerBlock}\n`);
    table(rows, cases, out);
  }
  return ExitCode.CONFORMANT;
}

function line(out: TextSink, name: string, ...cells: readonly string[]): void {
  out.write(`${name.padEnd(34)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
}

function scaleTable({ dut, rows, growth }: ScaleFigures, rounds: number, out: TextSink): void {
  out.write(
    `${dut.name} ${dut.version}: REPORT LUNS to each target and INQUIRY to each unit, medians of ${rounds}\n`,
  );
  line(out, 'units', 'targets', 'us a unit', 'start ms');
  for (const { units, targets, usPerUnit, startMs } of rows)
    line(out, `${units}`, `${targets}`, usPerUnit.toFixed(1), startMs.toFixed(0));
  line(out, 'growth from 16 units to 512', '', growth.toFixed(2));
}

function modesTable({ dut, jobs, modes, seconds }: ModesFigures, out: TextSink): void {
  out.write(`${dut.name} ${dut.version}: every case in its modes, once, ${jobs} at the same time\n`);
  line(out, 'mode', 'cases', 'skipped', 'us a case', 'seconds');
  for (const { mode, cases, skipped, medianCaseMs, totalMs } of modes)
    line(out, mode, `${cases}`, `${skipped}`, (1000 * medianCaseMs).toFixed(0), (totalMs / 1000).toFixed(2));
  const sum = (what: 'cases' | 'skipped') => `${modes.reduce((total, row) => total + row[what], 0)}`;
  line(out, `${modes.length} modes, with all set-up`, sum('cases'), sum('skipped'), '', seconds.toFixed(2));
}

function table(rows: readonly BenchRow[], suite: SuiteRow | undefined, out: TextSink): void {
  line(out, 'transaction', 'harness us', 'raw loop us', 'ratio');
  for (const { name, harness, raw, ratio } of rows)
    line(out, name, harness.toFixed(1), raw.toFixed(1), ratio.toFixed(2));
  if (suite === undefined) return;
  const [bare] = rows;
  line(out, 'suite', 'us a case', 'raw loop us', 'cases/s');
  line(
    out,
    `${suite.cases} cases`,
    (1000 * suite.medianCaseMs).toFixed(0),
    bare === undefined ? '' : bare.raw.toFixed(1),
    suite.casesPerSecond.toFixed(0),
  );
}
