/** What worker and supervisor say to each other. All of it crosses the thread boundary by structured clone. */
import type { CaseFile } from '../cases/types.js';
import type { DutProfile } from '../duts/dut.js';
import type { StandingRow } from '../harness/standing-ledger.js';
import type { TransportName } from '../port/transport-name.js';
import type { ControlChannel } from './control-link.js';
import type { HeldBack } from './known.js';
import type { ModeChoice } from './modes.js';
import type { Order } from './order.js';
import type { SentChain } from './resend.js';
import type { CaseResult, Shard } from './results.js';
import type { IdChoice } from './select.js';
import type { SpecVersion } from './spec-version.js';
import type { TraceChoice } from './trace.js';

/** Which of the cases to run. */
export interface Selection extends IdChoice {
  /** Only expansions of these ids; left out for all. */
  readonly bases?: readonly string[];
  /** Only results of these names (`resultKey`); left out for all. */
  readonly only?: readonly string[];
  /** But none of these, which are there already. */
  readonly without?: readonly string[];
  /** Only those of this part; left out for all. */
  readonly shard?: Shard;
}

/** One entry of the list that a run goes through. */
export interface PlannedCase {
  readonly id: string;
  /** Name of the mode; empty for a case that cannot be expanded in any. */
  readonly mode: string;
  readonly title: string;
  readonly file: string;
  /** Place from 0 among all cases by this transport, whether or not they are in the list. */
  readonly order: number;
}

/** How cases are run and judged, whatever the device. */
export interface RunSettings {
  readonly modes: ModeChoice;
  /** The transports by which the device can be reached, over which the modes of a case are chosen. */
  readonly transports: readonly TransportName[];
  readonly selection: Selection;
  readonly order: Order;
  readonly seed: number;
  /** Rulings count by their strict column. */
  readonly strict: boolean;
  /** Left out for no traces. */
  readonly trace?: TraceChoice;
  /** Chains of a trace, sent in place of those that the case makes. */
  readonly resend?: readonly SentChain[];
  /** Cases that the device is known not to survive. */
  readonly heldBack?: readonly HeldBack[];
  /** Leave out what this version of the standard does not have. */
  readonly spec?: SpecVersion;
  /** A file to which each worker writes where it is, before it goes on: see `Beacon`. */
  readonly beaconFile?: string;
}

/** What a worker starts with: enough to get ready while its device is still starting. */
export interface WorkerTask {
  readonly files: readonly CaseFile[];
  readonly beacon: SharedArrayBuffer;
}

/** The device is up: what a worker needs to begin. */
export interface WorkerStart {
  readonly settings: RunSettings;
  /** Kind of the device: which `openPort` to use. */
  readonly kind: string;
  readonly attach: unknown;
  readonly profile: DutProfile;
  /** Descriptor of the device's standard error, where it has one. */
  readonly log?: number;
  readonly controls: ControlChannel;
  readonly share: Share;
}

/** What one worker does of a run. Several that share tickets do it together. */
export interface Share {
  /** One word: how many entries of `order` have been taken. */
  readonly tickets: SharedArrayBuffer;
  /** The plan that an earlier worker made, and the entries of it to run, in order. Left out: all, by a plan of its own. */
  readonly plan?: { readonly cases: readonly PlannedCase[]; readonly order: readonly number[] };
}

/** What a worker has to say of a case that it has carried out. */
export interface CaseMessage {
  /** In the plan. */
  readonly index: number;
  readonly result: CaseResult;
  readonly standing: readonly StandingRow[];
  /** What the device wrote to standard error meanwhile; of red cases only. */
  readonly log?: string;
}

/** From worker to supervisor. */
export type WorkerMessage =
  /** The device is up and probed; these are the cases of the run, in the order of the files. */
  | {
      readonly type: 'plan';
      readonly cases: readonly PlannedCase[];
      readonly features: readonly string[];
      /** What there would be to select, where nothing is. */
      readonly available: readonly string[];
      /** What the device wrote to standard error before the first case, if a checker complains in it. */
      readonly complaint?: string;
    }
  | { readonly type: 'cases'; readonly cases: readonly CaseMessage[] }
  /** The trace of a case could not be written. */
  | { readonly type: 'no-trace'; readonly message: string }
  /** The device is gone; the case that was under way has no result. */
  | { readonly type: 'gone'; readonly message: string }
  /** The device does not answer any more; the case that was under way has no result. */
  | { readonly type: 'stalled'; readonly message: string }
  /** The device or what is between says what cannot be understood; likewise. */
  | { readonly type: 'garbled'; readonly message: string }
  /** The device could not be brought up or probed. */
  | { readonly type: 'unusable'; readonly message: string; readonly requirement?: string }
  | { readonly type: 'done' };
