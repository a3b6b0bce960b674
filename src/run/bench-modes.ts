/** How long a run takes in each of its modes: the run of `vscsi run`, with supervision, controls and restarts. */
import type { CaseFile } from '../cases/types.js';
import type { DutAdapter, DutIdentity, DutSetupError } from '../duts/dut.js';
import { superviseAll, transportsNeeded } from './all-transports.js';
import { median } from './bench.js';
import { heldBack, shippedKnownList } from './known.js';
import type { ModeChoice } from './modes.js';
import type { CaseResult } from './results.js';
import { WorkerPool } from './worker-pool.js';

/** The cases of one mode. */
export interface ModeRow {
  readonly mode: string;
  /** Cases that were carried out. */
  readonly cases: number;
  /** Cases that were skipped, which cost nothing. */
  readonly skipped: number;
  readonly medianCaseMs: number;
  /** Sum over the cases. */
  readonly totalMs: number;
}

export interface ModesFigures {
  readonly dut: DutIdentity;
  readonly jobs: number;
  /** In the order in which the modes ran. */
  readonly modes: readonly ModeRow[];
  /** From the start of the first device to the end of the last one. */
  readonly seconds: number;
  /** The device could not be started again, so that the rest did not run. */
  readonly failure?: DutSetupError;
}

export interface ModesBenchOptions {
  readonly adapter: DutAdapter;
  readonly modes: ModeChoice;
  readonly files: readonly CaseFile[];
  readonly jobs: number;
  readonly seed: number;
  readonly hangMs: number;
  readonly interrupt: AbortSignal;
}

/** Runs every case in its modes, once. Throws DutSetupError when the device cannot be brought up. */
export async function benchModes(options: ModesBenchOptions): Promise<ModesFigures> {
  const { adapter, modes, files, ...rest } = options;
  const selection = { select: [], skip: [] };
  const start = performance.now();
  const workers = new WorkerPool(files);
  const run = await superviseAll({
    ...rest,
    workers,
    adapter,
    modes,
    transports: transportsNeeded(files, selection, modes, adapter.transports),
    selection,
    order: { reverse: false },
    strict: false,
    onStarted: () => {},
    onResult: () => {},
    heldBack: ({ name, version }) => heldBack(shippedKnownList(name), version),
  }).finally(() => workers.end());
  const seconds = (performance.now() - start) / 1000;
  const byMode = new Map<string, CaseResult[]>();
  for (const result of run.results) byMode.set(result.mode, [...(byMode.get(result.mode) ?? []), result]);
  return {
    dut: run.identity,
    jobs: options.jobs,
    modes: [...byMode].map(([mode, results]) => rowOf(mode, results)),
    seconds,
    ...(run.failure && { failure: run.failure }),
  };
}

function rowOf(mode: string, results: readonly CaseResult[]): ModeRow {
  const times = results.filter(({ verdict }) => verdict !== 'skip').map(({ durationMs }) => durationMs);
  return {
    mode,
    cases: times.length,
    skipped: results.length - times.length,
    medianCaseMs: times.length === 0 ? 0 : median(times),
    totalMs: times.reduce((sum, time) => sum + time, 0),
  };
}
