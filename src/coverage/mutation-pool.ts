/**
 * Runs many mutants on worker threads. A mutant can make the model, or the harness that talks to it, loop for ever, so
 * each thread is watched: one that gets nowhere is ended, and its mutant goes on in a new one without the case.
 */
import { Worker } from 'node:worker_threads';
import type { CaseFile } from '../cases/types.js';
import { Beacon } from '../run/beacon.js';
import type { CaseReaction, ModelRun } from './model-run.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';

const WORKER = new URL('./mutation-worker.js', import.meta.url);
/** A step of a case may take so long, unless told otherwise; starting the thread counts as one. */
const HANG_MS = 20_000;
const WATCH_INTERVAL_MS = 250;

/** How one thread ended its work on a mutant. */
type Ending =
  | { readonly kind: 'done'; readonly run: ModelRun }
  | { readonly kind: 'hang' }
  | { readonly kind: 'broken'; readonly message: string };

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

  /** Runs all cases on one mutant, in as many threads as it takes. */
  async run(mutant: string | undefined): Promise<ModelRun> {
    const kept: CaseReaction[] = [];
    for (let careful = false; ; ) {
      let entered: { readonly id: string; readonly baseId: string } | undefined;
      const task = { ...(mutant !== undefined && { mutant }), without: kept.map(({ id }) => id), careful };
      const ending = await this.#attempt(task, (message) => {
        if (message.type === 'entered') entered = message;
        else if (message.type === 'cases') {
          kept.push(...message.results);
          entered = undefined;
        }
      });
      if (ending.kind === 'done') return { ...ending.run, cases: kept };
      await this.close();
      if (!careful) {
        // Which case it was shows when it goes wrong again.
        careful = true;
        continue;
      }
      const unusable = ending.kind === 'hang' ? 'it hangs before the first case' : ending.message;
      if (entered === undefined) return { cases: kept, violated: [], unusable };
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
        if (message.type === 'done') end({ kind: 'done', run: message.run });
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
  /** `undefined` is the model as it is. */
  readonly mutants: readonly (string | undefined)[];
  /** How many threads. */
  readonly jobs: number;
  /** Without progress for so long a thread counts as hanging. */
  readonly hangMs?: number;
  readonly onRun: (mutant: string | undefined, run: ModelRun) => void;
}

/** Runs the cases on every mutant. */
export async function runMutants(options: MutationPoolOptions): Promise<void> {
  const { files, mutants, jobs, hangMs = HANG_MS, onRun } = options;
  const waiting = [...mutants.entries()];
  const work = async () => {
    const lane = new Lane(files, hangMs);
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) onRun(next[1], await lane.run(next[1]));
    } finally {
      await lane.close();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work));
}
