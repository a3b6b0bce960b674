/** A run on a device that only the lab has: the cases are carried out there, everything else happens here. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CaseFile } from '../cases/types.js';
import { type DutAdapter, type DutIdentity, DutSetupError } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import { StandingLedger, type StandingRow } from '../harness/standing-ledger.js';
import type { Share } from '../lab/init-script.js';
import { ensureKernel } from '../lab/kernel.js';
import { LabError } from '../lab/lab-error.js';
import { ensureNode } from '../lab/program-files.js';
import type { TransportName } from '../port/transport-name.js';
import type { AllTransportsOptions } from './all-transports.js';
import { NO_CASE, type Whereabouts } from './beacon.js';
import { type BrokenEnding, brokenResult } from './broken-result.js';
import type { KnownList } from './known.js';
import { type BootEnd, bootFor, type LabSurroundings, START_LIMIT_MS } from './lab-boot.js';
import type { LabFailure, LabJob, LabMessage } from './lab-job.js';
import type { PlannedCase, Selection } from './messages.js';
import { resultKey } from './modes.js';
import { executionOrder } from './order.js';
import type { CaseResult } from './results.js';
import type { Supervised } from './supervisor.js';

export interface InLabOptions extends Omit<AllTransportsOptions, 'workers' | 'heldBack'> {
  readonly files: readonly CaseFile[];
  /** What the adapter was made from. */
  readonly device: DutOptions;
  /** By which cases are held back; left out for none. */
  readonly known?: KnownList;
  /** What is fetched, if anything, and why it takes its time. */
  readonly log: (line: string) => void;
  /** How labs are booted; default `startLab`. */
  readonly start?: LabSurroundings['start'];
  /** What is booted; default: what is fetched. */
  readonly booted?: Pick<LabSurroundings, 'kernel' | 'node'>;
}

/** Instructions are translated there; what a case may take is for machines that carry them out. */
const SLOWNESS = 4;

/** Where a case is of which nothing more is known. */
const NOWHERE: Whereabouts = { caseIndex: NO_CASE, step: 0, line: 0, sent: new Uint8Array() };

/** Whether a device has to be looked for in the lab: it is missing here, and the lab has it. */
export async function onlyInLab(adapter: DutAdapter): Promise<boolean> {
  return adapter.lab !== undefined && (await adapter.obstacles()).length > 0;
}

/** `superviseAll` in a lab. Throws DutSetupError when that cannot be had, or the device cannot be brought up there. */
export async function superviseInLab(options: InLabOptions): Promise<Supervised> {
  try {
    return await run(options);
  } catch (error) {
    throw failureOf(error);
  }
}

async function run(options: InLabOptions): Promise<Supervised> {
  const { adapter, log, interrupt } = options;
  const around: LabSurroundings = {
    ...(options.booted ?? {
      kernel: await ensureKernel({ log, signal: interrupt }),
      node: await ensureNode(log),
    }),
    needs: adapter.lab ?? { modules: [] },
    shares: sharesOf(options),
    interrupt,
    ...(options.start && { start: options.start }),
  };
  const gathered = new Gathered(options);
  for (;;) {
    const before = gathered.size;
    // Some may have been there before the first boot.
    const job = jobOf(options, { without: [...(options.selection.without ?? []), ...gathered.keys] });
    const booted = await bootFor(job, around, (message) => gathered.take(message)).catch(failureOf);
    // What earlier boots have found stays.
    if (booted instanceof DutSetupError) return gathered.outcome(undefined, booted);
    const { last, ...end } = booted;
    if (last?.type === 'failed') return gathered.outcome(undefined, setupError(last.failure));
    if (last !== undefined) return gathered.outcome(last.run, last.failure && setupError(last.failure));
    if (interrupt.aborted) return gathered.outcome(undefined, undefined);
    const { underWay } = end;
    if (underWay !== undefined && !gathered.has(underWay.planned)) {
      const { result, failure } = await resultOfBroken(options, around, underWay.planned, end);
      gathered.add(result);
      if (failure) return gathered.outcome(undefined, failure);
    } else if (gathered.complete) gathered.remark(`${gathered.place()} ${end.why}`);
    else if (gathered.size > before)
      gathered.remark(`${gathered.place()} ${end.why}; the rest ran in another boot`);
    else
      return gathered.outcome(
        undefined,
        new DutSetupError(`${gathered.place()} ${end.why}`, gathered.remedy()),
      );
    if (gathered.complete) return gathered.outcome(undefined, undefined);
  }
}

function sharesOf({ trace }: InLabOptions): readonly Share[] {
  if (trace === undefined) return [];
  const folder = resolve(trace.folder);
  mkdirSync(folder, { recursive: true });
  return [{ host: folder, guest: folder, writable: true }];
}

/**
 * The verdict of a case that the kernel did not survive. It gets a second chance, alone, in another boot; `failure` is why
 * there was none.
 */
async function resultOfBroken(
  options: InLabOptions,
  around: LabSurroundings,
  planned: PlannedCase,
  end: BootEnd,
): Promise<{ readonly result: CaseResult; readonly failure?: DutSetupError }> {
  const { how, why: message } = end;
  const at = end.underWay?.at ?? NOWHERE;
  const ending: BrokenEnding =
    how === 'hang' ? { kind: how, message, at } : { kind: how, message, exit: undefined, at };
  const { trace: _, ...untraced } = options;
  let verdict: CaseResult['verdict'] | undefined;
  const again = await bootFor(jobOf(untraced, { only: [resultKey(planned)] }), around, (said) => {
    if (said.type === 'result') verdict = said.result.verdict;
  }).catch(failureOf);
  const resultIf = (reproduced: boolean | undefined): CaseResult => ({
    ...brokenResult(planned, ending, options.interrupt.aborted ? undefined : reproduced),
    order: planned.order,
  });
  if (again instanceof DutSetupError) return { result: resultIf(undefined), failure: again };
  if (again.last?.type === 'failed')
    return { result: resultIf(undefined), failure: setupError(again.last.failure) };
  return { result: resultIf(again.last === undefined ? again.how === how : verdict === how) };
}

function jobOf(
  { adapter, device, files, known, ...options }: InLabOptions,
  choice: Pick<Selection, 'only' | 'without'>,
): LabJob {
  const { transports, modes, selection, order, seed, strict, spec, trace, resend, jobs, hangMs } = options;
  return {
    kind: adapter.name,
    device,
    files,
    options: {
      ...{ transports, modes, order, seed, strict, jobs },
      selection: { ...selection, ...choice },
      hangMs: hangMs * SLOWNESS,
      startMs: START_LIMIT_MS,
      ...(spec && { spec }),
      ...(resend && { resend }),
      ...(trace && { trace: { ...trace, folder: resolve(trace.folder) } }),
    },
    ...(known && { known }),
  };
}

/** What all boots of a run have said so far. */
class Gathered {
  readonly #options: InLabOptions;
  /** By their names. */
  readonly #results = new Map<string, CaseResult>();
  readonly #standing: (readonly StandingRow[])[] = [];
  #identity: DutIdentity | undefined;
  readonly #remarks: string[] = [];
  /** What the run consists of: by transport, as it was planned when the transport had its first turn. */
  readonly #plans = new Map<TransportName, readonly PlannedCase[]>();
  /** Whose turn it is. */
  #transport: TransportName | undefined;
  /** Name of the result that came last. */
  #last: string | undefined;

  constructor(options: InLabOptions) {
    this.#options = options;
  }

  /** Names of the results that are there. */
  get keys(): readonly string[] {
    return [...this.#results.keys()];
  }

  get size(): number {
    return this.#results.size;
  }

  /** What a reader should know besides. */
  remark(text: string): void {
    this.#remarks.push(text);
  }

  /** In words: where the run is while no case is under way. */
  place(): string {
    if (this.#last === undefined) return 'before the first case:';
    const next = this.#next();
    if (next === undefined) return 'all cases have their results, and the device was being put away:';
    return `after ${this.#last}, which has its result, and before ${resultKey(next)}:`;
  }

  /** What to do when another boot did not help. */
  remedy(): string | undefined {
    const next = this.#next();
    return (
      next &&
      `see whether it is the next case: --select '${next.id}'; with --report jsonl=FILE a run goes on from its results by --resume FILE`
    );
  }

  /** The first case without a result, in the order of the run. */
  #next(): PlannedCase | undefined {
    return [...this.#plans.values()]
      .flatMap((plan) => executionOrder(plan.length, this.#options.order).flatMap((at) => plan[at] ?? []))
      .find((planned) => !this.has(planned));
  }

  get #plan(): readonly PlannedCase[] {
    return [...this.#plans.values()].flat();
  }

  get complete(): boolean {
    const { transports } = this.#options;
    return (
      transports.every((transport) => this.#plans.has(transport)) &&
      this.#plan.every((planned) => this.has(planned))
    );
  }

  has(planned: PlannedCase): boolean {
    return this.#results.has(resultKey(planned));
  }

  take(message: LabMessage): void {
    switch (message.type) {
      case 'started':
        if (this.#identity === undefined) this.#options.onStarted(message.identity, message.transport);
        this.#identity ??= message.identity;
        this.#transport = message.transport;
        break;
      case 'plan':
        // Later boots plan what earlier ones have left.
        if (this.#transport !== undefined && !this.#plans.has(this.#transport))
          this.#plans.set(this.#transport, message.cases);
        break;
      case 'result':
        this.#standing.push(message.standing);
        this.add(message.result, message.standing, message.progress.log);
        break;
      case 'no-trace':
        this.#options.onNoTrace?.(message.message);
        break;
    }
  }

  add(result: CaseResult, standing: readonly StandingRow[] = [], log?: string): void {
    this.#last = resultKey(result);
    this.#results.set(this.#last, result);
    const progress = { done: this.#results.size, planned: this.#plan.length };
    this.#options.onResult(result, { ...progress, ...(log !== undefined && { log }) }, standing);
  }

  /** What came out of it. `run`: what the last boot said of the device. */
  outcome(
    run: Extract<LabMessage, { type: 'done' }>['run'] | undefined,
    failure: DutSetupError | undefined,
  ): Supervised {
    const identity = run?.identity ?? this.#identity;
    if (identity === undefined) throw failure ?? new DutSetupError('interrupted');
    const standing = new StandingLedger();
    for (const rows of this.#standing) standing.merge(rows);
    return {
      features: [],
      available: [],
      interrupted: this.#options.interrupt.aborted,
      ...run,
      remarks: [...(run?.remarks ?? []), ...this.#remarks],
      identity,
      results: this.#plan.flatMap((planned) => this.#results.get(resultKey(planned)) ?? []),
      standing: standing.rows(),
      ...(failure && { failure }),
    };
  }
}

/** The error of a boot that there could not be; throws what is a mistake of the suite. */
function failureOf(error: unknown): DutSetupError {
  if (error instanceof DutSetupError) return error;
  if (error instanceof LabError) return new DutSetupError(error.message, error.remedy, { cause: error });
  throw error;
}

function setupError({ message, remedy }: LabFailure): DutSetupError {
  return new DutSetupError(message, remedy);
}
