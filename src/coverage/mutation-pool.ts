/**
 * Runs many mutants on worker threads. A mutant can make the model, or the harness that talks to it, loop for ever, so
 * each thread is watched: one that gets nowhere is ended, and its mutant goes on in a new one without the case.
 */
import { Worker } from 'node:worker_threads';
import type { CaseFile } from '../cases/types.js';
import { mutantById } from '../model/mutants/index.js';
import { Beacon } from '../run/beacon.js';
import type { CaseReaction, ModelRun } from './model-run.js';
import { greenCases, provingLimit } from './mutation-evidence.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';
import type { Touched } from './touching.js';

const WORKER = new URL('./mutation-worker.js', import.meta.url);
/** A step of a case may take so long, unless told otherwise; starting the thread counts as one. */
const HANG_MS = 20_000;
const WATCH_INTERVAL_MS = 250;

/** How one thread ended its work on a mutant. */
type Ending =
  | { readonly kind: 'done'; readonly run: ModelRun; readonly touched: Touched }
  | { readonly kind: 'hang' }
  | { readonly kind: 'broken'; readonly message: string };

interface LaneRun {
  readonly run: ModelRun;
  readonly touched?: Touched;
}

/** One thread and the watch over it. */
class Lane {
  readonly #files: readonly CaseFile[];
  readonly #hangMs: number;
  #worker: Worker | undefined;
  #beacon = new Beacon();

  constructor(files: readonly CaseFile[], hangMs: number) {
    this.#files = files;
    this.#hangMs = hangMs;
  }

  /** Does a task, in as many threads as it takes. */
  async run(wanted: Omit<MutationTask, 'without' | 'careful'>): Promise<LaneRun> {
    const kept: CaseReaction[] = [];
    for (let careful = false; ; ) {
      let entered: { readonly id: string; readonly baseId: string } | undefined;
      const task = { ...wanted, without: kept.map(({ id }) => id), careful };
      const ending = await this.#attempt(task, (message) => {
        if (message.type === 'entered') entered = message;
        else if (message.type === 'cases') {
          kept.push(...message.results);
          entered = undefined;
        }
      });
      if (ending.kind === 'done') {
        const run = { ...ending.run, cases: kept };
        // What a thread that is gone saw is lost.
        return careful ? { run } : { run, touched: ending.touched };
      }
      await this.close();
      if (!careful) {
        // Which case it was shows when it goes wrong again.
        careful = true;
        continue;
      }
      const unusable = ending.kind === 'hang' ? 'it hangs before the first case' : ending.message;
      if (entered === undefined) return { run: { cases: kept, violated: [], unusable } };
      // What hung or broke is no expectation of the case. Violations that this thread saw are lost with it.
      kept.push({ id: entered.id, baseId: entered.baseId, reaction: 'other' });
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #attempt(task: MutationTask, onMessage: (message: MutationMessage) => void): Promise<Ending> {
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve) => {
      let seen = this.#beacon.progress;
      let since = performance.now();
      const watch = setInterval(() => {
        if (this.#beacon.progress !== seen) {
          seen = this.#beacon.progress;
          since = performance.now();
        } else if (performance.now() - since > this.#hangMs) end({ kind: 'hang' });
      }, WATCH_INTERVAL_MS);
      const heard = (message: MutationMessage) => {
        onMessage(message);
        if (message.type === 'done') end({ kind: 'done', run: message.run, touched: message.touched });
      };
      const failed = (error: Error) => end({ kind: 'broken', message: error.message });
      const end = (ending: Ending) => {
        clearInterval(watch);
        worker.off('message', heard).off('error', failed);
        resolve(ending);
      };
      worker.on('message', heard).on('error', failed);
      worker.postMessage(task);
    });
  }

  #start(): Worker {
    this.#beacon = new Beacon();
    const workerData: MutationWorkerData = { files: this.#files, beacon: this.#beacon.buffer };
    this.#worker = new Worker(WORKER, { workerData });
    // An error while it is being ended has nobody to go to.
    this.#worker.on('error', () => {});
    return this.#worker;
  }
}

export interface MutationPoolOptions {
  readonly files: readonly CaseFile[];
  /** Ids. */
  readonly mutants: readonly string[];
  /** How many threads. */
  readonly jobs: number;
  /** Without progress for so long a thread counts as hanging. */
  readonly hangMs?: number;
  /** Called as each is done, in any order. */
  readonly onRun: (mutant: string, run: ModelRun) => void;
}

/** Mutants for tests of the suite may loop for ever: they are not asked what they would do. */
const mayObserve = (id: string): boolean => mutantById(id)?.source !== 'test';

/**
 * Runs the cases on the model, and then on every mutant those that it touches; if nobody notices that one, all of
 * them. Cases that are red on the model prove nothing and are left out. Returns the run on the model.
 */
export async function runMutants(options: MutationPoolOptions): Promise<ModelRun> {
  const { files, mutants, jobs, hangMs = HANG_MS, onRun } = options;
  const lanes = Array.from({ length: Math.max(1, jobs) }, () => new Lane(files, hangMs));
  try {
    const [first] = lanes;
    if (first === undefined) throw new RangeError('no lane');
    const { run: baseline, touched } = await first.run({ observers: mutants.filter(mayObserve) });
    const green = greenCases(baseline);
    const ids = baseline.cases.flatMap(({ id, baseId }) => (green.has(baseId) ? [id] : []));
    const enough = provingLimit(green.size);
    const waiting = [...mutants];
    const work = async (lane: Lane) => {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const its = touched?.get(mutant);
        const near = ids.filter((id) => its?.has(id) ?? true);
        const { run } = await lane.run({ mutant, only: new Set(near), enough });
        // What it remembers of other cases may make it misbehave, too.
        const suffices = isNoticed(run, baseline) || near.length === ids.length;
        onRun(mutant, suffices ? run : (await lane.run({ mutant, only: new Set(ids), enough })).run);
      }
    };
    await Promise.all(lanes.map(work));
    return baseline;
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}

function isNoticed({ cases, violated, unusable }: ModelRun, baseline: ModelRun): boolean {
  return (
    unusable !== undefined ||
    cases.some(({ reaction }) => reaction === 'own' || reaction === 'other') ||
    violated.some((check) => !baseline.violated.includes(check))
  );
}
