/** Runs cases on the model in this very thread: fast, for tests that need many runs. */

import type { CaseFile } from '../../src/cases/types.js';
import { NO_CONTROLS } from '../../src/duts/dut.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModelPort } from '../../src/duts/model/mutant-port.js';
import { openModel } from '../../src/duts/model/port.js';
import type { StandingListener } from '../../src/harness/driver.js';
import { StandingLedger, type StandingRow } from '../../src/harness/standing-ledger.js';
import type { Behaviours } from '../../src/model/behaviours.js';
import type { ModelConfig } from '../../src/model/model-config.js';
import type { Port } from '../../src/port/port.js';
import type { TransportName } from '../../src/port/transport-name.js';
import { Beacon } from '../../src/run/beacon.js';
import { CaseRun } from '../../src/run/case-run.js';
import { runDecided } from '../../src/run/decided-run.js';
import { expandAll, type RunnableCase } from '../../src/run/expand-all.js';
import { ownCases } from '../../src/run/load-cases.js';
import { type ModeChoice, resultKey } from '../../src/run/modes.js';
import { executionOrder, type Order } from '../../src/run/order.js';
import type { CaseResult } from '../../src/run/results.js';
import { openSession, type Session } from '../../src/run/session.js';

export interface InProcessOptions {
  readonly seed: number;
  readonly mutant?: string;
  readonly copying?: boolean;
  /** What the model is made of, in place of the usual. */
  readonly config?: ModelConfig;
  /** How the model is changed from the start. */
  readonly change?: (behaviours: Behaviours) => void;
  /** Loaded case files; those of the suite if left out. */
  readonly files?: readonly CaseFile[];
  /** Only cases for which this holds, by their ids as written: the others are not even expanded. */
  readonly only?: (baseId: string) => boolean;
  readonly order?: Order;
  readonly modes?: ModeChoice;
}

export interface InProcessRun {
  /** In the order of the files. */
  readonly results: readonly CaseResult[];
  readonly standing: readonly StandingRow[];
}

let loaded: readonly CaseFile[] | undefined;
/** The cases of the suite, loaded once. */
function suiteFiles(): readonly CaseFile[] {
  loaded ??= ownCases().files;
  return loaded;
}

/** A model that has just been started, with what its standing checks find. */
async function freshModel(
  { seed, mutant, copying = false, config, change }: InProcessOptions,
  transport: TransportName | undefined,
) {
  const adapter = modelAdapter({
    seed,
    copying,
    ...(mutant !== undefined && { mutant }),
    ...(config && { config }),
  });
  const dut = await adapter.start(transport);
  const port = change
    ? changedPort(dut.attach as ModelAttach, change)
    : openModelPort(dut.attach as ModelAttach, NO_CONTROLS);
  const ledger = new StandingLedger();
  let current: CaseRun | undefined;
  const onStanding: StandingListener = (check, violation) => {
    if (!current?.waives(check)) ledger.record(check, violation, current?.place ?? { case: '', step: '' });
  };
  const session = openSession(port, dut.profile, seed, onStanding);
  const beacon = new Beacon();
  const run = (plan: RunnableCase): CaseResult =>
    runDecided(() => {
      current = new CaseRun(session, plan, beacon, onStanding);
      return current;
    });
  return { session, ledger, run };
}

function changedPort(attach: ModelAttach, change: (behaviours: Behaviours) => void): Port {
  const model = openModel(attach);
  model.change(change);
  return model.port;
}

/** By which transports the model can be reached. */
const TRANSPORTS = modelAdapter({ seed: 1 }).transports;

/** The plans of a session of any transport. */
function plansOf(
  { files = suiteFiles(), modes = 'default', only = () => true }: InProcessOptions,
  session: Session,
) {
  const wanted = files.map((file) => ({ ...file, cases: file.cases.filter(({ id }) => only(id)) }));
  return expandAll(wanted, session, { modes, transports: TRANSPORTS }).cases;
}

export async function runOnModel(options: InProcessOptions): Promise<InProcessRun> {
  const { order = {} } = options;
  const all: CaseResult[] = [];
  const standing = new StandingLedger();
  for (const transport of TRANSPORTS) {
    const { session, ledger, run } = await freshModel(options, transport);
    const plans = plansOf(options, session);
    const results: CaseResult[] = [];
    for (const index of executionOrder(plans.length, order)) {
      const plan = plans[index];
      if (plan) results[index] = run(plan);
    }
    all.push(...results);
    standing.merge(ledger.rows());
  }
  return { results: all, standing: standing.rows() };
}

/** Every case on a model of its own. The plans are made once: the facts of a model follow from its seed. */
export async function runEachAlone(options: InProcessOptions): Promise<InProcessRun> {
  const results: CaseResult[] = [];
  const standing = new StandingLedger();
  for (const transport of TRANSPORTS) {
    const { session } = await freshModel(options, transport);
    for (const plan of plansOf(options, session)) {
      const { run, ledger } = await freshModel(options, transport);
      results.push(run(plan));
      standing.merge(ledger.rows());
    }
  }
  return { results, standing: standing.rows() };
}

/** Verdicts by case id, in order. */
export const verdicts = ({ results }: Pick<InProcessRun, 'results'>): string[] =>
  results.map((result) => `${result.verdict} ${resultKey(result)}`);
