/** Runs cases on the model in this very thread: fast, for tests that need many runs. */

import type { CaseFile } from '../../src/cases/types.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModelPort } from '../../src/duts/model/port.js';
import { StandingLedger, type StandingRow } from '../../src/harness/standing-ledger.js';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { Beacon } from '../../src/run/beacon.js';
import { CaseRun } from '../../src/run/case-run.js';
import { checkCaseFiles, expandAll } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import type { CaseResult } from '../../src/run/results.js';
import { openSession } from '../../src/run/session.js';

export interface InProcessOptions {
  readonly seed: number;
  readonly mutant?: string;
  readonly copying?: boolean;
  /** Loaded case files; those of the suite if left out. */
  readonly files?: readonly CaseFile[];
}

export interface InProcessRun {
  readonly results: readonly CaseResult[];
  readonly standing: readonly StandingRow[];
}

let loaded: readonly CaseFile[] | undefined;
/** The cases of the suite, loaded once. */
function suiteFiles(): readonly CaseFile[] {
  loaded ??= checkCaseFiles([SPEC_CASES]).files;
  return loaded;
}

export async function runOnModel({
  seed,
  mutant,
  copying = false,
  files = suiteFiles(),
}: InProcessOptions): Promise<InProcessRun> {
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
  const results = expandAll(files, session).cases.map((plan) => {
    const run = new CaseRun(session, plan, beacon, (check, violation) => {
      if (!run.waives(check)) onStanding(check, violation);
    });
    place = run.place;
    return run.run();
  });
  return { results, standing: ledger.rows() };
}

/** Verdicts by case id, in order. */
export const verdicts = ({ results }: InProcessRun): string[] =>
  results.map(({ id, verdict }) => `${verdict} ${id}`);
