/** Running the cases on the model, in the present thread. */
import type { CaseFile } from '../cases/types.js';
import type { DutAdapter } from '../duts/dut.js';
import { modelAdapter } from '../duts/model/adapter.js';
import type { ModelAttach } from '../duts/model/attach.js';
import { openModel } from '../duts/model/port.js';
import { DriverError } from '../harness/driver.js';
import type { StandingCheck, Violation } from '../harness/violation.js';
import type { Behaviours } from '../model/behaviours.js';
import type { TransportName } from '../port/transport-name.js';
import type { Beacon } from '../run/beacon.js';
import { CaseRun } from '../run/case-run.js';
import { runDecided } from '../run/decided-run.js';
import { expandAll, type RunnableCase } from '../run/expand-all.js';
import { ProbeError } from '../run/probe.js';
import { openSession, type Session } from '../run/session.js';
import { TransportError } from '../transport/transport.js';
import { type Reaction, reactionOf } from './own-findings.js';

/** Addresses and poison come from it. Any would do; one and the same makes the evidence reproducible. */
export const EVIDENCE_SEED = 1;

/** What happened to one case. */
export interface CaseReaction {
  /** Expanded id. */
  readonly id: string;
  /** Id as written, without the values of the axes. */
  readonly baseId: string;
  readonly reaction: Reaction;
}

/** The cases on one model. */
export interface ModelRun {
  readonly cases: readonly CaseReaction[];
  /** Standing checks that were violated. */
  readonly violated: readonly StandingCheck[];
  /** Present when the device could not be brought up: no case was run. */
  readonly unusable?: string;
}

export interface ModelRunOptions {
  readonly files: readonly CaseFile[];
  /** How the model is changed once the device is known; left as it is if left out. */
  readonly change?: (behaviours: Behaviours) => void;
  /** Tells a watchdog where the run is: the index among the cases that are executed. */
  readonly beacon: Beacon;
  /** Which of the expanded cases to run; all if left out. */
  readonly wanted?: (plan: { readonly id: string; readonly baseId: string }) => boolean;
  /** Called before and after each case, so that a watchdog that ends this thread knows what it has and what is lost. */
  readonly onEnter?: (plan: RunnableCase) => void;
  readonly onCase?: (result: CaseReaction) => void;
  /** Asked before each case: whether to leave it and the rest out. */
  readonly enough?: () => boolean;
}

/** Runs the cases, each in its home mode, on models of their own: one for every transport. */
export async function runOnModel(options: ModelRunOptions): Promise<ModelRun> {
  const adapter = modelAdapter({ seed: EVIDENCE_SEED });
  const runs: ModelRun[] = [];
  for (const transport of adapter.transports) runs.push(await runByTransport(options, adapter, transport));
  const unusable = runs.find((run) => run.unusable !== undefined)?.unusable;
  return {
    cases: runs.flatMap(({ cases }) => cases),
    violated: [...new Set(runs.flatMap(({ violated }) => violated))],
    ...(unusable !== undefined && { unusable }),
  };
}

/** The plans by transport, made once for each set of files: the facts of the model are the same on every model. */
const made = new WeakMap<readonly CaseFile[], Map<TransportName, readonly RunnableCase[]>>();

function plansOf(
  files: readonly CaseFile[],
  session: Session,
  transports: readonly TransportName[],
): readonly RunnableCase[] {
  const byTransport = made.get(files) ?? new Map<TransportName, readonly RunnableCase[]>();
  made.set(files, byTransport);
  const { transport } = session.port;
  const plans = byTransport.get(transport) ?? expandAll(files, session, { transports }).cases;
  byTransport.set(transport, plans);
  return plans;
}

async function runByTransport(
  options: ModelRunOptions,
  adapter: DutAdapter,
  transport: TransportName,
): Promise<ModelRun> {
  const { files, change, beacon, wanted = () => true, onEnter, onCase, enough } = options;
  if (made.get(files)?.get(transport)?.some(wanted) === false) return { cases: [], violated: [] };
  const dut = await adapter.start(transport);
  const { port, change: changeModel } = openModel(dut.attach as ModelAttach);
  const violated = new Set<StandingCheck>();
  let current: CaseRun | undefined;
  const onStanding = (check: StandingCheck, violation: Violation | undefined) => {
    if (violation !== undefined && !current?.waives(check)) violated.add(check);
  };
  const cases: CaseReaction[] = [];
  try {
    const session = openSession(port, dut.profile, EVIDENCE_SEED, onStanding);
    const plans = plansOf(files, session, adapter.transports).filter(wanted);
    // Only now: the cases are to expect what the device is, and a device that cannot be probed proves nothing.
    if (change !== undefined) changeModel(change);
    for (const [index, plan] of plans.entries()) {
      if (enough?.()) break;
      const { id, baseId } = plan;
      beacon.enterCase(index);
      onEnter?.(plan);
      let reaction: Reaction = 'other';
      try {
        reaction = reactionOf(
          runDecided(() => {
            current = new CaseRun(session, plan, beacon, onStanding);
            return current;
          }),
        );
      } catch {
        // The suite itself failed on this mutant. That is no proof, and other cases are still worth running.
      }
      current = undefined;
      const result = { id, baseId, reaction };
      cases.push(result);
      onCase?.(result);
    }
    return { cases, violated: [...violated] };
  } catch (error) {
    const known =
      error instanceof TransportError || error instanceof DriverError || error instanceof ProbeError;
    if (!known) throw error;
    return { cases, violated: [...violated], unusable: error.message };
  } finally {
    port.close();
  }
}
