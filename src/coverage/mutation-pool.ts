/**
 * Runs many mutants on worker threads. A mutant can make the model, or the harness that talks to it, loop for ever, so
 * each thread is watched: one that gets nowhere is ended, and its mutant goes on in a new one without the case.
 */
import { Worker } from 'node:worker_threads';
import type { CaseFile } from '../cases/types.js';
import { mutantById } from '../model/mutants/index.js';
import { Beacon } from '../run/beacon.js';
import { type CaseReaction, EVIDENCE_SEED, type ModelRun } from './model-run.js';
import { greenCases, judgeMutant, type MutantFindings, provingLimit } from './mutation-evidence.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';
import { isSampled, sampleOf } from './mutation-sample.js';
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

/** What a mutant came to, and how long that took. */
export interface TimedFindings extends MutantFindings {
  readonly durationMs: number;
}

export interface MutationPoolOptions {
  readonly files: readonly CaseFile[];
  /** Ids. */
  readonly mutants: readonly string[];
  /** What an earlier run of the same suite has found of some of them, which are not run again. */
  readonly found?: readonly MutantFindings[];
  /** How many threads. */
  readonly jobs: number;
  /** Without progress for so long a thread counts as hanging. */
  readonly hangMs?: number;
  /** Called as each is done, in any order. */
  readonly onFindings: (findings: TimedFindings) => void;
}

/** Mutants for tests of the suite may loop for ever: they are not asked what they would do. */
const mayObserve = (id: string): boolean => mutantById(id)?.source !== 'test';

const idsOf = (cases: readonly { readonly id: string }[]): ReadonlySet<string> =>
  new Set(cases.map(({ id }) => id));

/** Two runs of one mutant, on different cases. */
const both = (one: ModelRun, other: ModelRun): ModelRun => ({
  ...other,
  cases: [...one.cases, ...other.cases],
  violated: [...new Set([...one.violated, ...other.violated])],
});

/**
 * Runs the cases on the model, and then on every mutant those that it touches; of those that touch a large part of the
 * suite a sample, and the cases that are about what it breaks or that nothing else has proved. If nobody notices a
 * mutant, all of the cases are run. Cases that are red on the model prove nothing and are left out. Returns the run on
 * the model.
 */
export async function runMutants(options: MutationPoolOptions): Promise<ModelRun> {
  const { files, mutants, found = [], jobs, hangMs = HANG_MS, onFindings } = options;
  const lanes = Array.from({ length: Math.max(1, jobs) }, () => new Lane(files, hangMs));
  try {
    const observers = mutants.filter(mayObserve);
    const parts = await Promise.all(
      lanes.map((lane, index) => lane.run({ observers, part: [index, lanes.length] })),
    );
    const baseline = parts.map(({ run }) => run).reduce(both);
    const touches = (mutant: string, id: string): boolean =>
      parts.some(({ touched }) => touched === undefined || (touched.get(mutant)?.has(id) ?? true));
    const green = greenCases(baseline);
    const all = baseline.cases.filter(({ baseId }) => green.has(baseId));
    const covers = new Map(
      files.flatMap(({ cases }) => cases.map((each) => [each.id, each.covers] as const)),
    );
    const proved = new Set(found.flatMap(({ proves }) => proves));
    const known = idsOf(found);

    /** All cases, unless somebody notices it by those that were run: what it remembers of others may make it misbehave. */
    const toTheEnd = async (lane: Lane, mutant: string, run: ModelRun): Promise<ModelRun> => {
      if (isNoticed(run, baseline) || run.cases.length >= all.length) return run;
      return (await lane.run({ mutant, only: idsOf(all), enough: provingLimit(green.size) })).run;
    };
    const narrow = async (lane: Lane, mutant: string, near: readonly CaseReaction[]) => {
      const { run } = await lane.run({ mutant, only: idsOf(near), enough: provingLimit(green.size) });
      return judgeMutant(mutant, await toTheEnd(lane, mutant, run), baseline);
    };
    const broad = async (
      lane: Lane,
      mutant: string,
      near: readonly CaseReaction[],
      unproved: ReadonlySet<string>,
    ) => {
      const cases = sampleOf(near, EVIDENCE_SEED);
      const sample = new Set(cases.map(({ baseId }) => baseId));
      const only = idsOf(cases);
      const { run } = await lane.run({ mutant, only, enough: provingLimit(sample.size) });
      const judged = judgeMutant(mutant, run, baseline, sample);
      if (judged.verdict === 'spoils' || judged.verdict === 'unusable') return judged;
      const requirement = mutantById(mutant)?.requirement ?? '';
      const about = near.filter(
        ({ id, baseId }) =>
          !only.has(id) && (unproved.has(baseId) || covers.get(baseId)?.includes(requirement)),
      );
      const more = about.length === 0 ? run : both(run, (await lane.run({ mutant, only: idsOf(about) })).run);
      return judgeMutant(mutant, await toTheEnd(lane, mutant, more), baseline, sample);
    };

    const waiting = mutants
      .filter((mutant) => !known.has(mutant))
      .map((mutant) => ({ mutant, near: all.filter(({ id }) => touches(mutant, id)) }));
    const share = async (
      part: typeof waiting,
      judge: (lane: Lane, mutant: string, near: readonly CaseReaction[]) => Promise<MutantFindings>,
    ) => {
      const work = async (lane: Lane) => {
        for (let next = part.shift(); next !== undefined; next = part.shift()) {
          const since = performance.now();
          const findings = await judge(lane, next.mutant, next.near);
          for (const id of findings.proves) proved.add(id);
          onFindings({ ...findings, durationMs: Math.round(performance.now() - since) });
        }
      };
      await Promise.all(lanes.map(work));
    };
    await share(
      waiting.filter(({ near }) => !isSampled(near.length)),
      narrow,
    );
    // Settled before the first of them, so that the outcome does not depend on which thread is faster.
    const unproved = new Set([...green].filter((id) => !proved.has(id)));
    await share(
      waiting.filter(({ near }) => isSampled(near.length)),
      (lane, mutant, near) => broad(lane, mutant, near, unproved),
    );
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
