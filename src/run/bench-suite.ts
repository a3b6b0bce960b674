/** How fast the cases of the suite run on a device: each as in a run, with reset, initialisation and all checks. */
import type { CaseFile } from '../cases/types.js';
import type { DutProfile } from '../duts/dut.js';
import type { Port } from '../port/port.js';
import { Beacon } from './beacon.js';
import { median } from './bench.js';
import { CaseRun } from './case-run.js';
import { expandAll, type RunnableCase } from './expand-all.js';
import type { HeldBack } from './known.js';
import { openSession } from './session.js';

/** Figures over all cases that ran. */
export interface SuiteRow {
  readonly name: 'suite';
  readonly cases: number;
  readonly rounds: number;
  /** Median over the cases of the median time over the rounds. */
  readonly medianCaseMs: number;
  /** Median over the rounds. */
  readonly casesPerSecond: number;
  /** Cases that are left out: skipped here, slow on purpose, hostile, or in need of a control, which only a run has. */
  readonly leftOut: number;
}

/** The code must have been compiled before it is measured, or else the compiler is. */
const WARM_UP_CASES = 1000;
const WARM_UP_LIMIT_MS = 3000;

/** Runs the cases over and over on an open port. */
export function benchSuite(
  port: Port,
  profile: DutProfile,
  files: readonly CaseFile[],
  options: {
    readonly rounds: number;
    readonly seed: number;
    readonly heldBack: readonly HeldBack[];
    /** Called after each case. */
    readonly onProgress?: () => void;
  },
): SuiteRow {
  const session = openSession(port, profile, options.seed, () => {});
  const all = expandAll(files, session, { heldBack: options.heldBack }).cases;
  const cases = all.filter(isMeasured);
  const beacon = new Beacon();
  const run = (plan: RunnableCase) => {
    const start = performance.now();
    new CaseRun(session, plan, beacon, () => {}).run();
    const time = performance.now() - start;
    options.onProgress?.();
    return time;
  };
  const warmUntil = performance.now() + WARM_UP_LIMIT_MS;
  for (let done = 0; done < WARM_UP_CASES && performance.now() < warmUntil; done += cases.length)
    for (const plan of cases) run(plan);
  const times = cases.map((): number[] => []);
  const throughput: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const start = performance.now();
    for (const [index, plan] of cases.entries()) times[index]?.push(run(plan));
    throughput.push((cases.length * 1000) / (performance.now() - start));
  }
  return {
    name: 'suite',
    cases: cases.length,
    rounds: options.rounds,
    medianCaseMs: median(times.map(median)),
    casesPerSecond: median(throughput),
    leftOut: all.length - cases.length,
  };
}

/** Nobody watches here: a device that does not survive a case would take the figures with it. */
function isMeasured({ skip, tags, needs, hostile }: RunnableCase): boolean {
  if (skip !== undefined || hostile) return false;
  return !tags.includes('slow') && !needs.some(({ kind }) => kind === 'control');
}
