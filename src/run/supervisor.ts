/**
 * Runs the cases on one device under test. The device and a worker thread with the harness live under the eyes of
 * this main thread, so that a device that crashes, a device that hangs and a harness or model that spins are each a
 * verdict, and the rest of the cases still run.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import {
  type DutAdapter,
  type DutExit,
  type DutIdentity,
  DutSetupError,
  type RunningDut,
} from '../duts/dut.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import { Beacon, type Whereabouts } from './beacon.js';
import { serveControls } from './control-link.js';
import type { Selection, WorkerMessage, WorkerTask } from './messages.js';
import type { CaseResult, Finding } from './results.js';

/** How long loading the cases and probing the device may take, whatever the limit for a case is. */
const START_LIMIT_MS = 30_000;
/** How often the watchdog looks. */
const WATCH_INTERVAL_MS = 50;
/** After a hang the device is killed; a worker that was blocked by it then has so long to say so and end. */
const UNBLOCK_MS = 500;
/** How long a worker whose device is gone may take to notice. */
const NOTICE_MS = 2000;
/** After an interrupt the present case may finish for so long. */
const INTERRUPT_GRACE_MS = 2000;

export interface SuperviseOptions {
  readonly adapter: DutAdapter;
  readonly caseFiles: readonly string[];
  readonly select: readonly string[];
  readonly seed: number;
  /** Without any progress for so long a case counts as hanging. */
  readonly hangMs: number;
  /** Fires when the user wants to stop. */
  readonly interrupt: AbortSignal;
  /** Called with every result as soon as it is there. */
  readonly onResult: (result: CaseResult, planned: number) => void;
  /** Called once, when the device is up. */
  readonly onStarted: (identity: DutIdentity) => void;
}

export interface Supervised {
  readonly identity: DutIdentity;
  readonly features: readonly string[];
  readonly results: readonly CaseResult[];
  readonly standing: StandingLedger;
  readonly interrupted: boolean;
}

/** How one worker with one device ended. */
type Ending =
  | { readonly kind: 'done' }
  | { readonly kind: 'interrupted' }
  | {
      readonly kind: 'crash';
      readonly message: string;
      readonly exit: DutExit | undefined;
      readonly at: Whereabouts;
    }
  | { readonly kind: 'hang'; readonly at: Whereabouts }
  | { readonly kind: 'unusable'; readonly message: string; readonly requirement: string | undefined }
  /** The suite itself failed in the worker. */
  | { readonly kind: 'broken'; readonly message: string; readonly at: Whereabouts };

interface Plan {
  readonly ids: readonly string[];
  readonly titles: readonly string[];
  readonly files: readonly string[];
}

const WORKER = new URL('./worker.js', import.meta.url);

/** Runs all selected cases. Throws DutSetupError when the device cannot be started or brought up at all. */
export async function supervise(options: SuperviseOptions): Promise<Supervised> {
  const results: CaseResult[] = [];
  const standing = new StandingLedger();
  let identity: DutIdentity | undefined;
  let features: readonly string[] = [];
  let planned: number | undefined;

  const oneDevice = async (selection: Selection, keep: (result: CaseResult) => void) => {
    const dut = await options.adapter.start();
    if (identity === undefined) {
      identity = dut.identity;
      options.onStarted(dut.identity);
    }
    let plan: Plan = { ids: [], titles: [], files: [] };
    let started = false;
    try {
      const ending = await runWorker(dut, options, selection, (message) => {
        if (message.type === 'plan') {
          plan = message;
          started = true;
          features = message.features;
          planned ??= message.ids.length;
        } else if (message.type === 'case') {
          standing.merge(message.standing);
          keep(message.result);
        }
      });
      return { ending, plan, started };
    } finally {
      await dut.stop();
    }
  };
  const keep = (result: CaseResult) => {
    results.push(result);
    options.onResult(result, planned ?? 0);
  };

  for (;;) {
    const selection = { select: options.select, done: results.map(({ id }) => id) };
    const { ending, plan, started } = await oneDevice(selection, keep);
    if (identity === undefined) throw new DutSetupError('the device did not start');
    const outcome = { identity, features, results, standing };
    if (ending.kind === 'done') return { ...outcome, interrupted: false };
    if (ending.kind === 'interrupted') return { ...outcome, interrupted: true };
    if (ending.kind === 'unusable')
      throw new DutSetupError(
        `${identity.name} ${identity.version} started, but the driver cannot use it: ${ending.message}`,
        ending.requirement && `requirement ${ending.requirement}`,
      );
    const id = plan.ids[ending.at.caseIndex];
    if (!started || id === undefined)
      throw new DutSetupError(
        `${identity.name} ${identity.version} ended before the first case: ${describe(ending)}`,
      );

    // The case that was under way gets its verdict, and a second chance to show whether it is the cause.
    const again = options.interrupt.aborted
      ? undefined
      : await oneDevice({ select: [], only: [id], done: [] }, () => {});
    const reproduced = again && again.ending.kind === ending.kind;
    keep(brokenResult(id, plan, ending, reproduced));
  }
}

function describe(ending: Extract<Ending, { kind: 'crash' | 'hang' | 'broken' }>): string {
  if (ending.kind === 'hang') return 'no progress';
  if (ending.kind === 'broken') return ending.message;
  const { exit, message } = ending;
  if (exit === undefined) return message;
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const said = exit.stderr.trim();
  return `the device ended with ${how}${said === '' ? '' : `; it said: ${said.split('\n').slice(-5).join(' | ')}`}`;
}

function brokenResult(
  id: string,
  plan: Plan,
  ending: Extract<Ending, { kind: 'crash' | 'hang' | 'broken' }>,
  reproduced: boolean | undefined,
): CaseResult {
  const index = plan.ids.indexOf(id);
  const severity = ending.kind === 'broken' ? 'error' : ending.kind;
  const { step, line, sent } = ending.at;
  const finding: Finding = {
    step: step === 0 ? 'set-up' : String(step),
    check: ending.kind === 'hang' ? 'progress' : 'alive',
    requirements: [],
    severity,
    expected: ending.kind === 'hang' ? 'an answer' : 'a device that lives on',
    got: describe(ending),
    ...(sent.length > 0 && { sent: Buffer.from(sent).toString('hex') }),
    ...(line > 0 && { place: `${plan.files[index] ?? ''}:${line}` }),
    ...(reproduced !== undefined && { reproduced }),
  };
  return {
    id,
    title: plan.titles[index] ?? '',
    mode: 'default',
    verdict: severity,
    durationMs: 0,
    findings: [finding],
  };
}

/** Lets one worker run on one device and returns how that ended. Never leaves a worker behind. */
async function runWorker(
  dut: RunningDut,
  options: SuperviseOptions,
  selection: Selection,
  onMessage: (message: WorkerMessage) => void,
): Promise<Ending> {
  const beacon = new Beacon();
  const { port1, port2 } = new MessageChannel();
  const answers = new SharedArrayBuffer(4);
  serveControls({ port: port1, answers }, dut);
  const task: WorkerTask = {
    kind: options.adapter.name,
    attach: dut.attach,
    profile: dut.profile,
    caseFiles: options.caseFiles,
    selection,
    seed: options.seed,
    beacon: beacon.buffer,
    controls: { port: port2, answers },
  };
  const worker = new Worker(WORKER, { workerData: task, transferList: [port2], stdin: false });
  let exit: DutExit | undefined;
  dut.exited.then((how) => {
    exit = how;
  });

  try {
    return await new Promise<Ending>((resolve) => {
      let gone: string | undefined;
      let finished = false;
      let running = false;
      let seen = beacon.progress;
      let seenAt = performance.now();
      let exitAt: number | undefined;
      let stopAt: number | undefined;
      const end = (ending: Ending) => {
        if (finished) return;
        finished = true;
        clearInterval(watch);
        resolve(ending);
      };
      const crash = () =>
        end({ kind: 'crash', message: gone ?? 'the device ended', exit, at: beacon.read() });

      worker.on('message', (message: WorkerMessage) => {
        if (finished) return;
        onMessage(message);
        if (message.type === 'plan') {
          running = true;
          seenAt = performance.now();
        }
        if (message.type === 'done')
          end(options.interrupt.aborted ? { kind: 'interrupted' } : { kind: 'done' });
        else if (message.type === 'unusable')
          end({ kind: 'unusable', message: message.message, requirement: message.requirement });
        else if (message.type === 'gone') {
          gone = message.message;
          // The connection is down before the process has been reaped: its exit says more than the broken line.
          const reaped = Promise.race([dut.exited, delay(NOTICE_MS)]);
          reaped.then(crash);
        }
      });
      worker.on('error', (error: unknown) =>
        end({
          kind: 'broken',
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          at: beacon.read(),
        }),
      );
      worker.on('exit', () =>
        end({ kind: 'broken', message: 'the worker ended without a word', at: beacon.read() }),
      );

      const watch = setInterval(() => {
        const now = performance.now();
        if (options.interrupt.aborted) {
          beacon.requestStop();
          stopAt ??= now;
          if (now - stopAt > INTERRUPT_GRACE_MS) end({ kind: 'interrupted' });
        }
        if (exit !== undefined) {
          exitAt ??= now;
          if (now - exitAt > NOTICE_MS) crash();
        }
        if (beacon.progress !== seen) {
          seen = beacon.progress;
          seenAt = now;
        } else if (gone === undefined && now - seenAt > (running ? options.hangMs : START_LIMIT_MS)) {
          clearInterval(watch);
          const at = beacon.read();
          finished = true;
          dut.kill();
          delay(UNBLOCK_MS).then(() => resolve({ kind: 'hang', at }));
        }
      }, WATCH_INTERVAL_MS);
    });
  } finally {
    worker.removeAllListeners();
    worker.on('error', () => {});
    // A worker that waits in a system call for its device can only end when the device does.
    dut.kill();
    await worker.terminate();
    port1.close();
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
