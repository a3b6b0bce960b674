/**
 * One worker with one device under the eyes of the main thread, so that a device that crashes, a device that hangs and
 * a harness or model that spins each end in a way that can be told.
 */
import { MessageChannel, Worker } from 'node:worker_threads';
import type { CaseFile } from '../cases/types.js';
import type { DutExit, RunningDut } from '../duts/dut.js';
import { Beacon } from './beacon.js';
import type { BrokenEnding } from './broken-result.js';
import { serveControls } from './control-link.js';
import type { RunSettings, Share, WorkerMessage, WorkerStart, WorkerTask } from './messages.js';

/** How long loading the cases and probing the device may take, whatever the limit for a case is. */
const START_LIMIT_MS = 30_000;
/** How often the watchdog looks. */
const WATCH_INTERVAL_MS = 50;
/** After a hang the device is killed; a worker that was blocked by it then has so long to say so and end. */
const UNBLOCK_MS = 500;
/** How long a worker whose device is gone may take to notice. */
const NOTICE_MS = 2000;
/** A worker that is ended takes no longer than this, unless it waits for the kernel. */
const STUCK_MS = 10_000;
/** After an interrupt the present case may finish for so long. */
const INTERRUPT_GRACE_MS = 2000;

/** How one worker with one device ended. */
export type Ending =
  | BrokenEnding
  | { readonly kind: 'done' }
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'unusable'; readonly message: string; readonly requirement: string | undefined };

/** What a worker is to do. */
export interface Assignment {
  readonly dut: RunningDut;
  readonly kind: string;
  readonly settings: RunSettings;
  readonly share: Share;
}

/** What the watchdog goes by. */
export interface WatchOptions {
  /** Without any progress for so long a case counts as hanging. */
  readonly hangMs: number;
  /** Fires when the user wants to stop. */
  readonly interrupt: AbortSignal;
  /** How long loading the cases and probing the device may take; default: 30 s. */
  readonly startMs?: number;
  /** Called when the worker of a device that hangs cannot be ended: a system call of it does not come back. */
  readonly onStuck?: () => void;
}

/** Cases make much garbage that is dead soon: with room to wait for its death, less of it is ever copied. */
const YOUNG_GENERATION_MB = 64;

const WORKER = new URL('./worker.js', import.meta.url);

/** A worker thread that gets ready while its device is still starting. */
export class WatchedWorker {
  readonly #worker: Worker;
  readonly #beacon = new Beacon();
  /** Resolves when the worker fails or ends by itself. */
  readonly #broken: Promise<string>;

  constructor(files: readonly CaseFile[]) {
    const task: WorkerTask = { files, beacon: this.#beacon.buffer };
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
    this.#worker = new Worker(WORKER, { workerData: task, stdin: false, resourceLimits });
    this.#broken = new Promise((resolve) => {
      this.#worker.on('error', (error: unknown) =>
        resolve(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      );
      this.#worker.on('exit', () => resolve('the worker ended without a word'));
    });
  }

  /** Ends the thread. One that waits in a system call for its device can only end when the device does. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /**
   * Lets the worker run its share on a device, which is left dead, and resolves to how that ended. After `done` the
   * worker is ready for another device; otherwise it has ended.
   */
  async run(
    { dut, kind, settings, share }: Assignment,
    options: WatchOptions,
    onMessage: (message: WorkerMessage) => void,
  ): Promise<Ending> {
    const { port1, port2 } = new MessageChannel();
    const answers = new SharedArrayBuffer(4);
    serveControls({ port: port1, answers }, dut);
    const start: WorkerStart = {
      settings,
      kind,
      attach: dut.attach,
      profile: dut.profile,
      ...(dut.log !== undefined && { log: dut.log }),
      controls: { port: port2, answers, offered: dut.controls },
      share,
    };
    this.#worker.postMessage(start, [port2]);
    let ending: Ending | undefined;
    try {
      ending = await this.#watch(dut, options, onMessage);
      return ending;
    } finally {
      this.#worker.removeAllListeners('message');
      dut.kill();
      if (ending?.kind !== 'done') {
        const stuck = setTimeout(() => options.onStuck?.(), STUCK_MS);
        await this.end();
        clearTimeout(stuck);
      }
      port1.close();
    }
  }

  #watch(
    dut: RunningDut,
    options: WatchOptions,
    onMessage: (message: WorkerMessage) => void,
  ): Promise<Ending> {
    const beacon = this.#beacon;
    return new Promise<Ending>((resolve) => {
      let exit: DutExit | undefined;
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

      dut.exited.then((how) => {
        exit = how;
      });
      this.#broken.then((message) => end({ kind: 'broken', message, at: beacon.read() }));
      this.#worker.on('message', (message: WorkerMessage) => {
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
        else if (message.type === 'stalled')
          end({ kind: 'hang', message: message.message, at: beacon.read() });
        else if (message.type === 'garbled')
          end({ kind: 'broken', message: message.message, at: beacon.read() });
        else if (message.type === 'gone') {
          gone = message.message;
          // The connection is down before the process has been reaped: its exit says more than the broken line.
          const reaped = Promise.race([dut.exited, delay(NOTICE_MS)]);
          reaped.then(crash);
        }
      });

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
        } else if (
          gone === undefined &&
          now - seenAt > (running ? options.hangMs : (options.startMs ?? START_LIMIT_MS))
        ) {
          clearInterval(watch);
          const at = beacon.read();
          finished = true;
          dut.kill();
          delay(UNBLOCK_MS).then(() => resolve({ kind: 'hang', at }));
        }
      }, WATCH_INTERVAL_MS);
    });
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
