/** A run on a device that only the lab has: the cases are carried out there, everything else happens here. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { serialize } from 'node:v8';
import type { CaseFile } from '../cases/types.js';
import { type DutAdapter, DutSetupError } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import type { ArchiveEntry } from '../lab/cpio.js';
import type { Share } from '../lab/init-script.js';
import { ensureKernel } from '../lab/kernel.js';
import { startLab } from '../lab/lab.js';
import { LabError } from '../lab/lab-error.js';
import { ensureNode, LAB_NODE, LAB_PACKAGE, packageFiles } from '../lab/program-files.js';
import { FrameReader } from '../sys/frames.js';
import type { AllTransportsOptions } from './all-transports.js';
import { asJson, readCatalogueFile } from './catalogue-file.js';
import type { KnownList } from './known.js';
import { JOB_FILE, type LabFailure, type LabJob, type LabMessage } from './lab-job.js';
import { PACKAGE_ROOT } from './package-info.js';
import type { CaseResult } from './results.js';
import type { Supervised } from './supervisor.js';

export interface InLabOptions extends Omit<AllTransportsOptions, 'workers' | 'heldBack'> {
  readonly files: readonly CaseFile[];
  /** What the adapter was made from. */
  readonly device: DutOptions;
  /** By which cases are held back; left out for none. */
  readonly known?: KnownList;
  /** What is fetched, if anything, and why it takes its time. */
  readonly log: (line: string) => void;
}

/** Instructions are translated there; what a case may take is for machines that carry them out. */
const SLOWNESS = 4;
/** How long booting, loading the cases and probing the device may take. */
const START_LIMIT_MS = 300_000;
/** A lab that has said nothing for so long, besides what a case may take, has failed. */
const SILENCE_MS = 180_000;
/** After an interrupt the lab may finish for so long. */
const INTERRUPT_GRACE_MS = 15_000;
/** Catalogues that every worker reads. */
const CATALOGUES = ['rulings.yaml'];

/** Whether a device has to be looked for in the lab: it is missing here, and the lab has it. */
export async function onlyInLab(adapter: DutAdapter): Promise<boolean> {
  return adapter.lab !== undefined && (await adapter.obstacles()).length > 0;
}

/** `superviseAll` in a lab. Throws DutSetupError when that cannot be had, or the device cannot be brought up there. */
export async function superviseInLab(options: InLabOptions): Promise<Supervised> {
  try {
    return await run(options);
  } catch (error) {
    if (error instanceof LabError) throw new DutSetupError(error.message, error.remedy, { cause: error });
    throw error;
  }
}

async function run(options: InLabOptions): Promise<Supervised> {
  const { adapter, log, interrupt } = options;
  const kernel = await ensureKernel({ log, signal: interrupt });
  const node = await ensureNode(log);
  const shares: Share[] = [node.share];
  if (options.trace !== undefined) {
    const folder = resolve(options.trace);
    mkdirSync(folder, { recursive: true });
    shares.push({ host: folder, guest: folder, writable: true });
  }
  const lab = await startLab({
    kernel,
    command: [LAB_NODE, '--max-lazy', `${LAB_PACKAGE}/dist/run/lab-agent.js`],
    modules: adapter.lab?.modules ?? [],
    files: [
      ...node.links,
      ...packageFiles(PACKAGE_ROOT),
      ...CATALOGUES.map((name) => parsedCatalogue(name)),
      { kind: 'file', path: JOB_FILE, content: serialize(jobOf(options)) },
    ],
    shares,
  });
  const conversation = new Conversation(options);
  const reader = new FrameReader();
  let heard = performance.now();
  let complaints = '';
  lab.err.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  lab.out.resume();
  lab.agent.on('data', (piece: Buffer) => {
    heard = performance.now();
    for (const message of reader.take(piece)) conversation.take(message as LabMessage);
    if (conversation.ended) lab.kill();
  });
  const stop = () => {
    lab.agent.write('stop\n');
    setTimeout(lab.kill, INTERRUPT_GRACE_MS).unref();
  };
  interrupt.addEventListener('abort', stop, { once: true });
  if (interrupt.aborted) stop();
  let silent = false;
  const watch = setInterval(() => {
    const limit = conversation.started ? SILENCE_MS + SLOWNESS * options.hangMs : START_LIMIT_MS;
    if (performance.now() - heard <= limit) return;
    silent = true;
    lab.kill();
  }, 1000);
  try {
    const { status, log: said } = await lab.ended;
    const why = silent
      ? 'the lab says nothing any more'
      : status === undefined
        ? 'the lab ended by itself'
        : `the suite in the lab ended with status ${status}`;
    return conversation.outcome(interrupt.aborted, () => [why, said, complaints].filter(Boolean).join('\n'));
  } finally {
    clearInterval(watch);
    interrupt.removeEventListener('abort', stop);
  }
}

function parsedCatalogue(name: string): ArchiveEntry {
  return {
    kind: 'file',
    path: `${LAB_PACKAGE}/spec-cases/${asJson(name)}`,
    content: Buffer.from(JSON.stringify(readCatalogueFile(name))),
  };
}

function jobOf({ adapter, device, files, known, ...options }: InLabOptions): LabJob {
  const { transports, modes, selection, order, seed, strict, spec, trace, jobs, hangMs } = options;
  return {
    kind: adapter.name,
    device,
    files,
    options: {
      ...{ transports, modes, selection, order, seed, strict, jobs },
      hangMs: hangMs * SLOWNESS,
      startMs: START_LIMIT_MS,
      ...(spec && { spec }),
      ...(trace !== undefined && { trace: resolve(trace) }),
    },
    ...(known && { known }),
  };
}

/** What the lab has said so far. */
class Conversation {
  readonly #options: InLabOptions;
  readonly #results: CaseResult[] = [];
  #identity: Supervised['identity'] | undefined;
  #end: Extract<LabMessage, { type: 'done' | 'failed' }> | undefined;

  constructor(options: InLabOptions) {
    this.#options = options;
  }

  get started(): boolean {
    return this.#identity !== undefined;
  }

  /** Whether the last word is said. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  take(message: LabMessage): void {
    switch (message.type) {
      case 'started':
        this.#identity ??= message.identity;
        this.#options.onStarted(message.identity, message.transport);
        break;
      case 'result':
        this.#results.push(message.result);
        this.#options.onResult(message.result, message.progress);
        break;
      case 'no-trace':
        this.#options.onNoTrace?.(message.message);
        break;
      default:
        this.#end = message;
    }
  }

  /** What came out of it; `why` tells what there is to say of a lab that ended early. */
  outcome(interrupted: boolean, why: () => string): Supervised {
    const end = this.#end;
    if (end?.type === 'failed') throw setupError(end.failure);
    if (end !== undefined)
      return {
        ...end.run,
        results: end.order.flatMap((index) => this.#results[index] ?? []),
        ...(end.failure && { failure: setupError(end.failure) }),
      };
    const identity = this.#identity;
    if (identity === undefined) throw new DutSetupError(interrupted ? 'interrupted' : why());
    return {
      identity,
      features: [],
      results: this.#results,
      standing: [],
      interrupted,
      available: [],
      remarks: [],
      ...(!interrupted && { failure: new DutSetupError(why()) }),
    };
  }
}

function setupError({ message, remedy }: LabFailure): DutSetupError {
  return new DutSetupError(message, remedy);
}
