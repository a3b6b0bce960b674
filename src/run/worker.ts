/** The worker thread: drives one device through the cases, and tells the supervisor what it sees. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ExpansionProblem } from '../cases/expand.js';
import type { OpenPort } from '../duts/dut.js';
import { PORTS } from '../duts/registry.js';
import { DriverError } from '../harness/driver.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import type { StandingCheck, Violation } from '../harness/violation.js';
import { DutGoneError } from '../port/errors.js';
import { TransportError } from '../transport/transport.js';
import { featureNames } from '../wire/virtio.js';
import { Beacon } from './beacon.js';
import { CaseRun } from './case-run.js';
import { controlLink } from './control-link.js';
import { checkCaseFiles, expandAll } from './load-cases.js';
import type { WorkerMessage, WorkerTask } from './messages.js';
import { ProbeError } from './probe.js';
import type { CaseResult, Finding } from './results.js';
import { idMatcher } from './select.js';
import { openSession } from './session.js';

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function main(task: WorkerTask): void {
  const beacon = new Beacon(task.beacon);
  const openPort = PORTS[task.kind] as OpenPort<unknown> | undefined;
  if (openPort === undefined) throw new Error(`no device kind ${task.kind}`);
  // Standing checks are recorded for whatever case is under way.
  let ledger = new StandingLedger();
  let current: CaseRun | undefined;
  const onStanding = (check: StandingCheck, violation: Violation | undefined) => {
    if (current === undefined || !current.waives(check))
      ledger.record(check, violation, current?.place ?? { case: 'probing', step: 'set-up' });
  };
  const port = openPort(task.attach, controlLink(task.controls));
  try {
    const session = openSession(port, task.profile, task.seed, onStanding);
    const { select, only, done } = task.selection;
    const selected = idMatcher(select);
    const skipped = new Set(done);
    const expansion = expandAll(checkCaseFiles(task.caseFiles).files, session);
    const wanted = (id: string) =>
      (only === undefined ? selected(id) : only.includes(id)) && !skipped.has(id);
    const cases = expansion.cases.filter(({ id }) => wanted(id));
    post({
      type: 'plan',
      ids: cases.map(({ id }) => id),
      titles: cases.map(({ title }) => title),
      files: cases.map(({ file }) => file),
      features: featureNames(session.offered),
    });
    // A case that cannot be expanded on this device is an error of the case, reported like any other result.
    for (const problem of expansion.problems)
      if (wanted(problem.id)) post({ type: 'case', result: expansionError(problem), standing: [] });
    for (const [index, plan] of cases.entries()) {
      if (beacon.stopRequested) break;
      beacon.enterCase(index);
      ledger = new StandingLedger();
      current = new CaseRun(session, plan, beacon, onStanding);
      const result = current.run();
      current = undefined;
      post({ type: 'case', result, standing: ledger.rows() });
    }
    post({ type: 'done' });
  } catch (error) {
    if (error instanceof DutGoneError) post({ type: 'gone', message: error.message });
    else if (error instanceof TransportError || error instanceof DriverError || error instanceof ProbeError) {
      const requirement = 'requirement' in error ? error.requirement : undefined;
      post({ type: 'unusable', message: error.message, ...(requirement !== undefined && { requirement }) });
    } else throw error;
  } finally {
    port.close();
  }
}

function expansionError({ id, file, line, message }: ExpansionProblem): CaseResult {
  const finding: Finding = {
    step: 'expansion',
    check: 'case',
    requirements: [],
    severity: 'error',
    expected: 'a case that can be given to this device',
    got: message,
    place: `${file}:${line}`,
  };
  return { id, title: '', mode: 'default', verdict: 'error', durationMs: 0, findings: [finding] };
}

main(workerData as WorkerTask);
