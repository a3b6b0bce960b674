/** One boot of the lab, in which cases are carried out: what the suite in there says, and how it ended. */
import { serialize } from 'node:v8';
import type { LabNeeds } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import type { ArchiveEntry } from '../lab/cpio.js';
import type { Share } from '../lab/init-script.js';
import type { Kernel } from '../lab/kernel.js';
import { type LabOptions, type RunningLab, startLab } from '../lab/lab.js';
import { LAB_NODE, LAB_PACKAGE, type NodeForLab, packageFiles } from '../lab/program-files.js';
import { FrameReader } from '../sys/frames.js';
import { readBeaconLines, type Whereabouts } from './beacon.js';
import { asJson, readCatalogueFile } from './catalogue-file.js';
import { ALIVE_MS, JOB_FILE, type LabJob, type LabMessage } from './lab-job.js';
import type { PlannedCase } from './messages.js';
import { PACKAGE_ROOT } from './package-info.js';

/** How long booting, loading the cases and probing the device may take. */
export const START_LIMIT_MS = 300_000;
/** A lab that has not even said for so long that it is alive has failed. */
const SILENCE_MS = 12 * ALIVE_MS;
/** After an interrupt the lab may finish for so long. */
const INTERRUPT_GRACE_MS = 15_000;
/** Catalogues that every worker reads. */
const CATALOGUES = ['rulings.yaml'];
/** Lines of the console that are worth showing: the last ones, or those from where the kernel began to complain. */
const CONSOLE_LINES = 12;
const COMPLAINT = /\b(BUG|Oops|WARNING|general protection fault|Kernel panic)\b/;

/** What the boots of a run have in common. */
export interface LabSurroundings {
  readonly kernel: Kernel;
  readonly node: NodeForLab;
  readonly needs: LabNeeds;
  readonly shares: readonly Share[];
  readonly interrupt: AbortSignal;
  /** Instead of `startLab`. */
  readonly start?: (options: LabOptions) => Promise<RunningLab>;
}

/** How a boot ended. */
export interface BootEnd {
  /** The last word of the suite in the lab, if it had one. */
  readonly last?: Extract<LabMessage, { type: 'done' | 'failed' }>;
  /** Otherwise: whether the kernel hangs, or is gone. */
  readonly how: 'crash' | 'hang';
  readonly why: string;
  /** The case that was under way, if any. */
  readonly underWay?: { readonly planned: PlannedCase; readonly at: Whereabouts };
}

/** Boots a lab in which a program of `src/run` finds a job for the device that it has. Throws `LabError`. */
export async function bootProgram<J extends { readonly device: DutOptions }>(
  program: string,
  job: J,
  { kernel, node, needs, shares, start = startLab }: Omit<LabSurroundings, 'interrupt'>,
): Promise<RunningLab> {
  const machine = await needs.machine?.();
  const device = { ...job.device, ...machine?.device };
  return start({
    ...machine,
    kernel,
    command: [LAB_NODE, '--max-lazy', `${LAB_PACKAGE}/dist/run/${program}.js`],
    modules: needs.modules,
    files: [
      ...node.links,
      ...packageFiles(PACKAGE_ROOT),
      ...CATALOGUES.map((name) => parsedCatalogue(name)),
      { kind: 'file', path: JOB_FILE, content: serialize({ ...job, device } satisfies J) },
    ],
    shares: [node.share, ...shares],
  }).finally(() => machine?.close());
}

/** Boots a lab and takes what the suite there says of a job, until it is over. Throws `LabError`. */
export async function bootFor(
  job: LabJob,
  { interrupt, ...around }: LabSurroundings,
  take: (message: LabMessage) => void,
): Promise<BootEnd> {
  const lab = await bootProgram('lab-agent', job, around);
  const reader = new FrameReader();
  let heard = performance.now();
  let complaints = '';
  let beacon = '';
  let cases: readonly PlannedCase[] = [];
  let last: BootEnd['last'];
  let stopped: 'silent' | 'stuck' | undefined;
  const giveUp = (why: typeof stopped) => {
    stopped ??= why;
    lab.kill();
  };
  lab.err.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  lab.out.resume();
  lab.beacon.setEncoding('latin1').on('data', (text: string) => {
    heard = performance.now();
    beacon = (beacon + text).split('\n').slice(-2).join('\n');
  });
  lab.agent.on('data', (piece: Buffer) => {
    heard = performance.now();
    for (const message of reader.take(piece) as LabMessage[]) {
      if (message.type === 'plan') cases = message.cases;
      if (message.type === 'done' || message.type === 'failed') last = message;
      if (message.type === 'stuck') giveUp('stuck');
      take(message);
    }
    if (last !== undefined) lab.kill();
  });
  const stop = () => {
    lab.agent.write('stop\n');
    setTimeout(lab.kill, INTERRUPT_GRACE_MS).unref();
  };
  interrupt.addEventListener('abort', stop, { once: true });
  if (interrupt.aborted) stop();
  const watch = setInterval(() => {
    const limit = cases.length > 0 ? SILENCE_MS : START_LIMIT_MS;
    if (performance.now() - heard > limit) giveUp('silent');
  }, 1000);
  try {
    const { status, log } = await lab.ended;
    const why = describeEnd({ stopped, status, log, complaints });
    const at = readBeaconLines(beacon);
    const planned = at && cases[at.caseIndex];
    return {
      ...(last && { last }),
      how: stopped === undefined ? 'crash' : 'hang',
      why,
      ...(planned && { underWay: { planned, at: { ...at, sent: new Uint8Array() } } }),
    };
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

/** In words, with what the kernel said last. */
export function describeEnd({
  stopped,
  status,
  log,
  complaints,
}: {
  readonly stopped: 'silent' | 'stuck' | undefined;
  readonly status: number | undefined;
  readonly log: string;
  readonly complaints: string;
}): string {
  const panic = /Kernel panic - not syncing: (.*)/.exec(log)?.[1]?.trim();
  const what =
    stopped === 'stuck'
      ? 'the kernel does not come back from a system call'
      : stopped === 'silent'
        ? 'the lab says nothing any more'
        : panic !== undefined
          ? `the kernel panicked: ${panic}`
          : status === undefined
            ? 'the lab ended by itself'
            : `the suite in the lab ended with status ${status}`;
  const console = log.split(/\r?\n/).filter((line) => line.trim() !== '');
  const complaint = console.findIndex((line) => COMPLAINT.test(line));
  const shown =
    complaint < 0 ? console.slice(-CONSOLE_LINES) : console.slice(complaint, complaint + CONSOLE_LINES);
  return [what, ...shown, complaints.trim()].filter(Boolean).join('\n');
}
