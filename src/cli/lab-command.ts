/** `vscsi lab`: the virtual machine in which devices of a kernel are tested, for other uses. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Share } from '../lab/init-script.js';
import { ensureKernel, type FetchOptions } from '../lab/kernel.js';
import { startLab } from '../lab/lab.js';
import { LabError } from '../lab/lab-error.js';
import { ensureNode, packageFiles } from '../lab/program-files.js';
import type { TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { PACKAGE_ROOT } from '../run/package-info.js';

/** Where the output folder is in the lab. */
const OUT = '/out';

export type LabFetchOptions = Pick<FetchOptions, 'suite' | 'mirror' | 'refresh'>;

/** As the command line gives them. */
export interface LabRunOptions extends LabFetchOptions {
  readonly module?: readonly string[];
  readonly share?: readonly string[];
  readonly out?: string;
  readonly qemu?: string;
  readonly memory?: number;
  readonly timeout?: number;
}

interface Surroundings {
  readonly out: TextSink;
  readonly errors: TextSink;
  readonly interrupt: AbortSignal;
}

/** Fetches the kernel, if it is not there. Resolves to the exit code. */
export function labFetchCommand(options: LabFetchOptions, around: Surroundings): Promise<number> {
  return explained(around, async () => {
    const kernel = await ensureKernel(fetchOptions(options, around));
    around.out.write(`${kernel.release} ${kernel.image}\n`);
    return ExitCode.CONFORMANT;
  });
}

/** Runs one command in a lab. Resolves to its exit status, or the exit code of a lab that could not be had. */
export function labRunCommand(
  command: readonly string[],
  options: LabRunOptions,
  around: Surroundings,
): Promise<number> {
  return explained(around, async () => {
    const { out, errors, interrupt } = around;
    const kernel = await ensureKernel(fetchOptions(options, around));
    const node = await ensureNode((line) => errors.write(`${line}\n`));
    const lab = await startLab({
      kernel,
      command,
      files: [...node.links, ...packageFiles(PACKAGE_ROOT)],
      shares: [node.share, ...sharesOf(options)],
      modules: options.module ?? [],
      ...(options.qemu !== undefined && { qemu: options.qemu }),
      ...(options.memory !== undefined && { memoryMiB: options.memory }),
    });
    lab.out.on('data', (bytes: Buffer) => out.write(bytes.toString('utf8')));
    lab.err.on('data', (bytes: Buffer) => errors.write(bytes.toString('utf8')));
    let late = false;
    const timer =
      options.timeout === undefined
        ? undefined
        : setTimeout(() => {
            late = true;
            lab.kill();
          }, options.timeout);
    interrupt.addEventListener('abort', lab.kill, { once: true });
    if (interrupt.aborted) lab.kill();
    const { status, log } = await lab.ended;
    clearTimeout(timer);
    interrupt.removeEventListener('abort', lab.kill);
    if (interrupt.aborted) return ExitCode.INTERRUPTED;
    if (late) throw new LabError(`the command did not end within ${options.timeout} ms`);
    if (status === undefined) throw new LabError(`the lab ended before the command did\n${log}`);
    return status;
  });
}

function fetchOptions(options: LabFetchOptions, { errors, interrupt }: Surroundings): FetchOptions {
  const { suite, mirror, refresh } = options;
  return {
    ...(suite !== undefined && { suite }),
    ...(mirror !== undefined && { mirror }),
    ...(refresh !== undefined && { refresh }),
    log: (line) => errors.write(`${line}\n`),
    signal: interrupt,
  };
}

/** Folders are in the lab where they are here, but for the one that the lab can write. */
function sharesOf({ share = [], out }: LabRunOptions): Share[] {
  const shares = share.map((folder) => ({
    host: resolve(folder),
    guest: resolve(folder),
    writable: false,
  }));
  if (out === undefined) return shares;
  mkdirSync(out, { recursive: true });
  return [...shares, { host: resolve(out), guest: OUT, writable: true }];
}

async function explained({ errors, interrupt }: Surroundings, deed: () => Promise<number>): Promise<number> {
  try {
    return await deed();
  } catch (error) {
    if (interrupt.aborted) return ExitCode.INTERRUPTED;
    if (!(error instanceof LabError)) throw error;
    errors.write(`vscsi: ${error.message}${error.remedy === undefined ? '' : `\n  ${error.remedy}`}\n`);
    return ExitCode.DUT_SETUP;
  }
}
