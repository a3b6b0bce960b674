/** What a run tells the part of it that happens in the lab, and what that says. All of it can be structured-cloned. */
import type { CaseFile } from '../cases/types.js';
import type { DutIdentity } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import type { TransportName } from '../port/transport-name.js';
import type { AllTransportsOptions } from './all-transports.js';
import type { KnownList } from './known.js';
import type { CaseResult } from './results.js';
import type { Progress, Supervised } from './supervisor.js';

/** Paths in the lab. */
export const JOB_FILE = '/run/vscsi-job';
export const AGENT_PORT = '/dev/virtio-ports/lab.agent';

/** A run on one device, as far as it does not depend on who looks on. */
export interface LabJob {
  /** Kind of the device. */
  readonly kind: string;
  readonly device: DutOptions;
  readonly files: readonly CaseFile[];
  readonly options: Omit<
    AllTransportsOptions,
    'adapter' | 'workers' | 'interrupt' | 'heldBack' | 'onResult' | 'onStarted' | 'onNoTrace'
  >;
  /** By which cases are held back; left out for none. */
  readonly known?: KnownList;
}

/** From the lab. */
export type LabMessage =
  | { readonly type: 'started'; readonly identity: DutIdentity; readonly transport: TransportName }
  | { readonly type: 'result'; readonly result: CaseResult; readonly progress: Progress }
  | { readonly type: 'no-trace'; readonly message: string }
  /** The end. `order`: which of the results that were told, counted from 0, belongs where. */
  | {
      readonly type: 'done';
      readonly run: Omit<Supervised, 'results' | 'failure'>;
      readonly order: readonly number[];
      readonly failure?: LabFailure;
    }
  /** The device could not be set up. */
  | { readonly type: 'failed'; readonly failure: LabFailure };

/** A `DutSetupError` as it crosses the line. */
export interface LabFailure {
  readonly message: string;
  readonly remedy?: string;
}
