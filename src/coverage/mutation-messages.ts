/** What the mutation pool and its worker threads say to each other. */
import type { CaseFile } from '../cases/types.js';
import type { CaseReaction, ModelRun } from './model-run.js';
import type { Touched } from './touching.js';

/** What a worker is started with. */
export interface MutationWorkerData {
  readonly files: readonly CaseFile[];
  readonly beacon: SharedArrayBuffer;
}

/** To a worker: run cases on a mutant, or on the model as it is. */
export interface MutationTask {
  /** Id. */
  readonly mutant?: string;
  /** Ids of the mutants that look on: which cases each of them touches. */
  readonly observers?: readonly string[];
  /** Which of how many parts of the cases to run; all if left out. */
  readonly part?: readonly [index: number, of: number];
  /** Expanded ids of the cases to run; all if left out. */
  readonly only?: ReadonlySet<string>;
  /** Expanded ids that have a result already. */
  readonly without: readonly string[];
  /** When more cases as written than this are broken, the rest is left out. */
  readonly enough?: number;
  /** Tells of each case as it is entered and done. Otherwise results come in lots: a message costs as much as a case. */
  readonly careful: boolean;
}

/** From a worker. */
export type MutationMessage =
  | { readonly type: 'entered'; readonly id: string; readonly baseId: string }
  | { readonly type: 'cases'; readonly results: readonly CaseReaction[] }
  | { readonly type: 'done'; readonly run: ModelRun; readonly touched: Touched };
