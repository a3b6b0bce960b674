/** What a run tells the part of it that happens in the lab, and what that says. All of it can be structured-cloned. */
import type { CaseFile } from '../cases/types.js';
import type { DutIdentity } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import type { StandingRow } from '../harness/standing-ledger.js';
import { PORTS } from '../lab/init-script.js';
import type { TransportName } from '../port/transport-name.js';
import type { AllTransportsOptions } from './all-transports.js';
import type { KnownList } from './known.js';
import type { PlannedCase } from './messages.js';
import type { CaseResult } from './results.js';
import type { Progress, Supervised } from './supervisor.js';

/** Paths in the lab. */
export const JOB_FILE = '/run/vscsi-job';
export const AGENT_PORT = `/dev/virtio-ports/${PORTS.agent}`;
export const BEACON_PORT = `/dev/virtio-ports/${PORTS.beacon}`;

/** How often the suite in the lab says that it is alive. */
export const ALIVE_MS = 5000;

/** A run on one device, as far as it does not depend on who looks on. */
export interface LabJob {
  /** Kind of the device. */
  readonly kind: string;
  readonly device: DutOptions;
  readonly files: readonly CaseFile[];
  readonly options: Omit<
    AllTransportsOptions,
    | 'adapter'
    | 'workers'
    | 'interrupt'
    | 'heldBack'
    | 'onResult'
    | 'onPlan'
    | 'onStarted'
    | 'onNoTrace'
    | 'onStuck'
  >;
  /** By which cases are held back; left out for none. */
  readonly known?: KnownList;
}

/** From the lab. */
export type LabMessage =
  | { readonly type: 'started'; readonly identity: DutIdentity; readonly transport: TransportName }
  | { readonly type: 'plan'; readonly cases: readonly PlannedCase[] }
  | {
      readonly type: 'result';
      readonly result: CaseResult;
      readonly progress: Progress;
      readonly standing: readonly StandingRow[];
    }
  | { readonly type: 'no-trace'; readonly message: string }
  /** The machine runs, whatever a case is at. */
  | { readonly type: 'alive' }
  /** A thread waits for the kernel, and cannot be ended; nothing more can be done there. */
  | { readonly type: 'stuck' }
  /** The end. */
  | {
      readonly type: 'done';
      readonly run: Omit<Supervised, 'results' | 'standing' | 'failure'>;
      readonly failure?: LabFailure;
    }
  /** The device could not be set up. */
  | { readonly type: 'failed'; readonly failure: LabFailure };

/** A `DutSetupError` as it crosses the line. */
export interface LabFailure {
  readonly message: string;
  readonly remedy?: string;
}
