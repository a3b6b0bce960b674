/** Runs cases on the model in this very thread: fast, for tests that need many runs. */
import type { CaseFile } from '../../src/cases/types.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModelPort } from '../../src/duts/model/port.js';
import { StandingLedger, type StandingRow } from '../../src/harness/standing-ledger.js';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { Beacon } from '../../src/run/beacon.js';
import { CaseRun } from '../../src/run/case-run.js';
import { checkCaseFiles, expandAll, type RunnableCase } from '../../src/run/load-cases.js';
import { executionOrder, type Order } from '../../src/run/order.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import type { CaseResult } from '../../src/run/results.js';
import { openSession } from '../../src/run/session.js';

export interface InProcessOptions {
  readonly seed: number;
  readonly mutant?: string;
  readonly copying?: boolean;
  /** Loaded case files; those of the suite if left out. */
  readonly files?: readonly CaseFile[];
  /** Only cases for which this holds. */
  readonly only?: (id: string) => boolean;
  readonly order?: Order;
}

export interface InProcessRun {
  /** In the order of the files. */
  readonly results: readonly CaseResult[];
  readonly standing: readonly StandingRow[];
}

let loaded: readonly CaseFile[] | undefined;
/** The cases of the suite, loaded once. */
function suiteFiles(): readonly CaseFile[] {
  loaded ??= checkCaseFiles([SPEC_CASES]).files;
  return loaded;
}

/** A model that has just been started, with what its standing checks find. */
async function freshModel({ seed, mutant, copying = false }: InProcessOptions) {
  const dut = await modelAdapter({
    seed,
    copying,
    config: DEFAULT_MODEL_CONFIG,
    ...(mutant !== undefined && { mutant }),
  }).start();
  const port = openModelPort(dut.attach as ModelAttach, { call: () => {} });
  const ledger = new StandingLedger();
  let place = { case: '', step: '' };
  const onStanding: Parameters<typeof openSession>[3] = (check, violation) =>
    ledger.record(check, violation, place);
  const session = openSession(port, dut.profile, seed, onStanding);
  const beacon = new Beacon();
  const run = (plan: RunnableCase): CaseResult => {
    const caseRun = new CaseRun(session, plan, beacon, (check, violation) => {
      if (!caseRun.waives(check)) onStanding(check, violation);
    });
    place = caseRun.place;
    return caseRun.run();
  };
  return { session, ledger, run };
}

export async function runOnModel(options: InProcessOptions): Promise<InProcessRun> {
  const { files = suiteFiles(), only = () => true, order = {} } = options;
  const { session, ledger, run } = await freshModel(options);
  const plans = expandAll(files, session).cases.filter(({ id }) => only(id));
  const results: CaseResult[] = [];
  for (const index of executionOrder(plans.length, order)) {
    const plan = plans[index];
    if (plan) results[index] = run(plan);
  }
  return { results, standing: ledger.rows() };
}

/** Every case on a model of its own. The plans are made once: the facts of a model follow from its seed. */
export async function runEachAlone(options: InProcessOptions): Promise<InProcessRun> {
  const { session } = await freshModel(options);
  const results: CaseResult[] = [];
  const standing = new StandingLedger();
  for (const plan of expandAll(options.files ?? suiteFiles(), session).cases) {
    const { run, ledger } = await freshModel(options);
    results.push(run(plan));
    standing.merge(ledger.rows());
  }
  return { results, standing: standing.rows() };
}

/** Verdicts by case id, in order. */
export const verdicts = ({ results }: Pick<InProcessRun, 'results'>): string[] =>
  results.map(({ id, verdict }) => `${verdict} ${id}`);
