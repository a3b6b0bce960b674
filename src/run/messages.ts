/** What worker and supervisor say to each other. All of it crosses the thread boundary by structured clone. */
import type { DutProfile } from '../duts/dut.js';
import type { StandingRow } from '../harness/standing-ledger.js';
import type { ControlChannel } from './control-link.js';
import type { CaseResult } from './results.js';

/** Which of the cases to run. */
export interface Selection {
  /** Globs over case ids; empty for all. */
  readonly select: readonly string[];
  /** Just these expanded ids, if given. */
  readonly only?: readonly string[];
  /** Not these: they have a result already. */
  readonly done: readonly string[];
}

/** What a worker starts with. */
export interface WorkerTask {
  /** Kind of the device: which `openPort` to use. */
  readonly kind: string;
  readonly attach: unknown;
  readonly profile: DutProfile;
  readonly caseFiles: readonly string[];
  readonly selection: Selection;
  readonly seed: number;
  readonly beacon: SharedArrayBuffer;
  readonly controls: ControlChannel;
}

/** From worker to supervisor. */
export type WorkerMessage =
  /** The device is up and probed; these are the cases that the worker is about to run, in order. */
  | {
      readonly type: 'plan';
      readonly ids: readonly string[];
      readonly titles: readonly string[];
      readonly files: readonly string[];
      readonly features: readonly string[];
    }
  | { readonly type: 'case'; readonly result: CaseResult; readonly standing: readonly StandingRow[] }
  /** The device is gone; the case that was under way has no result. */
  | { readonly type: 'gone'; readonly message: string }
  /** The device could not be brought up or probed. */
  | { readonly type: 'unusable'; readonly message: string; readonly requirement?: string }
  | { readonly type: 'done' };
