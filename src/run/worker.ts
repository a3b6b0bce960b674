/** The worker thread: drives one device through cases, and tells the supervisor what it sees. */
import { openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { CaseFile } from '../cases/types.js';
import { type LoadPort, PORTS } from '../duts/ports.js';
import { DriverError } from '../harness/driver.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import type { StandingCheck, Violation } from '../harness/violation.js';
import { PortError, type PortErrorCode } from '../port/errors.js';
import type { Port } from '../port/port.js';
import { TransportError } from '../transport/transport.js';
import { featureNames } from '../wire/virtio.js';
import { Beacon, NO_CASE } from './beacon.js';
import { CaseRun } from './case-run.js';
import { controlLink } from './control-link.js';
import { runDecided } from './decided-run.js';
import { DeviceLog } from './device-log.js';
import { hexOf } from './exchange-bytes.js';
import { expandAll, type RunnableCase } from './expand-all.js';
import type {
  CaseMessage,
  RunSettings,
  Selection,
  Share,
  WorkerMessage,
  WorkerStart,
  WorkerTask,
} from './messages.js';
import { modeName } from './modes.js';
import { executionOrder } from './order.js';
import { Outbox } from './outbox.js';
import { type PlanEntry, planOf } from './plan.js';
import { ProbeError } from './probe.js';
import { registerMeaning, registerName } from './register-name.js';
import { requirements } from './requirements.js';
import { Resend } from './resend.js';
import { type CaseResult, RED } from './results.js';
import { ruleStrictly } from './rulings.js';
import { sanitizerReport } from './sanitizer.js';
import { baseOf, mayBeSelected } from './select.js';
import { openSession, type Session } from './session.js';
import { SpecFilter } from './spec-version.js';
import { CaseTrace } from './trace.js';
import { type Touch, tracedPort } from './traced-port.js';

/** For so long a result may wait for others. */
const TOGETHER_MS = 10;

const task = workerData as WorkerTask;
const beacon = new Beacon(task.beacon);

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

/** Results on their way to the supervisor. */
const outbox = new Outbox<CaseMessage>((cases) => post({ type: 'cases', cases }), TOGETHER_MS);

/** What standing checks are recorded in: that of the case that is under way. */
let ledger = new StandingLedger();
let current: CaseRun | undefined;
function onStanding(check: StandingCheck, violation: Violation | undefined): void {
  if (current === undefined || !current.waives(check))
    ledger.record(check, violation, current?.place ?? { case: 'probing', step: 'set-up' });
}

/** How errors of a port end the worker's work with its device. */
const LOST: Readonly<Partial<Record<PortErrorCode, 'gone' | 'stalled' | 'garbled' | 'unusable'>>> = {
  DUT_GONE: 'gone',
  DUT_STALLED: 'stalled',
  PORT_PROTOCOL: 'garbled',
  PORT_SETUP: 'unusable',
};

async function main(start: WorkerStart): Promise<void> {
  const { settings, kind, attach, profile, log: logFile, controls, share } = start;
  const openPort = PORTS[kind] as LoadPort<unknown> | undefined;
  if (openPort === undefined) throw new Error(`no device kind ${kind}`);
  if (settings.strict) ruleStrictly();
  beacon.announce ??= settings.beaconFile === undefined ? undefined : writer(settings.beaconFile);
  beacon.enterCase(NO_CASE);
  let port: Port | undefined;
  let last: WorkerMessage = { type: 'done' };
  try {
    const plain = await openPort(attach, controlLink(controls));
    port = settings.trace === undefined ? plain : tracedPort(plain, overheard);
    const session = openSession(port, profile, settings.seed, onStanding);
    const log = logFile === undefined ? undefined : new DeviceLog(logFile);
    const complaint = sanitizerReport(log?.take() ?? '');
    const { modes, transports, heldBack } = settings;
    const expansion = expandAll(concerned(settings.selection, share), session, {
      modes,
      transports,
      ...(heldBack && { heldBack }),
    });
    const { entries, available } = planOf(expansion, settings.selection, share.plan?.cases);
    post({
      type: 'plan',
      cases: entries.map(({ id, mode, title, file, order }) => ({ id, mode, title, file, order })),
      features: featureNames(session.offered),
      available,
      ...(complaint !== undefined && { complaint }),
    });
    runShare(session, entries, settings, share, log);
  } catch (error) {
    const lost = error instanceof PortError ? LOST[error.code] : undefined;
    if (lost !== undefined) last = { type: lost, message: (error as PortError).message };
    else if (error instanceof TransportError || error instanceof DriverError || error instanceof ProbeError) {
      const requirement = 'requirement' in error ? error.requirement : undefined;
      last = { type: 'unusable', message: error.message, ...(requirement !== undefined && { requirement }) };
    } else throw error;
  } finally {
    outbox.flush();
    giveBack(port);
  }
  post(last);
}

/** What became of the device is told even where something of it cannot be given back. */
function giveBack(port: Port | undefined): void {
  try {
    port?.close();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`the device cannot be given back entirely: ${reason}`);
  }
}

/** Registers are told of while a case is carried out. */
function overheard(touch: Touch): void {
  const trace = current?.trace;
  if (current === undefined || trace === undefined) return;
  if (touch.type === 'call')
    trace.touched({ type: 'call', name: touch.name, arguments: touch.arguments.map(argumentText) });
  else {
    const { by, value, ...rest } = touch;
    const name = registerName(current.session.transport, by, touch.offset);
    const meaning = registerMeaning(name, value);
    trace.touched({
      ...rest,
      value: `0x${value.toString(16)}`,
      ...(name !== undefined && { name }),
      ...(meaning !== undefined && { meaning }),
    });
  }
}

function argumentText(value: unknown): string {
  if (value instanceof Uint8Array) return hexOf(value);
  if (typeof value === 'bigint' || typeof value === 'number') return `0x${value.toString(16)}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, each]) => `${name}=${argumentText(each)}`)
    .join(' ');
}

function writer(file: string): (line: string) => void {
  const fd = openSync(file, 'w');
  return (line) => void writeSync(fd, line);
}

/** The case files without the cases that cannot be meant: expanding takes time. */
function concerned(selection: Selection, share: Share): CaseFile[] {
  const planned = share.plan && new Set(share.plan.cases.map(({ id }) => baseOf(id)));
  const meant = planned ? (id: string) => planned.has(id) : mayBeSelected(selection);
  return task.files.map((file) => ({ ...file, cases: file.cases.filter(({ id }) => meant(id)) }));
}

/** Takes tickets and runs the cases that belong to them, until there are none left. */
function runShare(
  session: Session,
  entries: readonly PlanEntry[],
  settings: RunSettings,
  share: Share,
  log: DeviceLog | undefined,
): void {
  const tickets = new Int32Array(share.tickets);
  const order = share.plan?.order ?? executionOrder(entries.length, settings.order);
  const spec = settings.spec === undefined ? undefined : new SpecFilter(settings.spec, requirements());
  while (!beacon.stopRequested) {
    const index = order[Atomics.add(tickets, 0, 1)];
    const entry = index === undefined ? undefined : entries[index];
    if (index === undefined || entry === undefined) return;
    beacon.enterCase(index);
    ledger = new StandingLedger();
    const plain = entry.plan === undefined ? entry.result : runCase(session, entry.plan, spec, settings);
    const said = log?.take() ?? '';
    const result = withEvidence(plain, said);
    outbox.add({
      index,
      result,
      standing: ledger.rows(),
      ...(said !== '' && RED.has(result.verdict) && { log: said }),
    });
  }
}

function runCase(
  session: Session,
  asWritten: RunnableCase,
  spec: SpecFilter | undefined,
  { trace: choice, resend, seed }: RunSettings,
): CaseResult {
  const plan = spec?.plan(asWritten) ?? asWritten;
  const trace =
    choice && traced(() => new CaseTrace(choice, { id: plan.id, mode: modeName(plan.mode), seed }));
  const result = runDecided(() => {
    // What counts is the run that decides.
    ledger = new StandingLedger();
    trace?.attempt();
    current = new CaseRun(session, plan, beacon, onStanding, {
      ...(trace && { trace }),
      ...(resend && { resend: new Resend(resend) }),
    });
    return current;
  });
  current = undefined;
  traced(() => trace?.end(result.verdict));
  return spec?.result(result) ?? result;
}

/** Something about a trace, whose failure costs the trace but no result. */
function traced<T>(deed: () => T): T | undefined {
  try {
    return deed();
  } catch (error) {
    post({ type: 'no-trace', message: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

/** A red result with the last request sent, and one during which a checker complained as a crash. */
function withEvidence(result: CaseResult, said: string): CaseResult {
  const complaint = said === '' ? undefined : sanitizerReport(said);
  if (complaint === undefined && !RED.has(result.verdict)) return result;
  const { step, sent } = beacon.read();
  const hex = Buffer.from(sent).toString('hex');
  const findings = [...result.findings];
  const last = findings.at(-1);
  if (last !== undefined && hex !== '' && last.sent === undefined)
    findings[findings.length - 1] = { ...last, sent: hex };
  if (complaint === undefined) return { ...result, findings };
  findings.push({
    step: step === 0 ? 'set-up' : String(step),
    check: 'sanitizer',
    requirements: [],
    severity: 'crash',
    expected: 'a device about which no memory checker complains',
    got: complaint,
    ...(hex !== '' && { sent: hex }),
  });
  return { ...result, verdict: 'crash', findings };
}

parentPort?.on('message', main);
