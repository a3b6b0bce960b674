/** Processes that end when this process ends, however it ends. */
import { type ChildProcess, type StdioPipe, spawn } from 'node:child_process';
import { fstatSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** How a supervised process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it wrote to standard error. */
  readonly stderr: string;
}

/** What to run, and with which descriptors. */
export interface SupervisedOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Command and arguments put before it: a tracer, say. It need not replace itself by the command. */
  readonly wrap?: readonly string[];
  readonly stdin: number | 'ignore';
  readonly stdout: number | 'ignore';
  /** File for standard error; default: a pipe that is drained. */
  readonly stderr?: number;
  /** Descriptors 3 and up of the new process; 'pipe' is a stream socket, found in `stdio`. */
  readonly extra?: readonly (number | StdioPipe)[];
}

/** A running process and its end. */
export interface SupervisedProcess {
  readonly pid: number;
  readonly stdio: ChildProcess['stdio'];
  /** What it has written to standard error so far (the last 64 KiB). */
  stderr(): string;
  /** Resolves when the process has ended. */
  readonly exited: Promise<ProcessExit>;
  /** Ends the process and all that it started, at once. */
  kill(): void;
}

const STDERR_KEPT = 64 * 1024;
/** How long the rest of standard error is waited for after the end of the process. */
const STDERR_GRACE_MS = 250;

/** The program that sets the parent-death signal (util-linux). */
export const SUPERVISOR_PROGRAM = 'setpriv';
const ON_PARENT_DEATH = [SUPERVISOR_PROGRAM, '--pdeathsig', 'KILL', '--'] as const;
/** If the parent died before the signal was set, the signal never comes: the new parent gives that away. */
const UNLESS_ORPHANED = ['sh', '-c', 'test "$PPID" = "$0" && exec "$@"'];

/** The command line that runs `command` as a child that ends with its parent, unless the parent has ended already. */
export function supervisedCommand(
  parent: number,
  wrap: readonly string[],
  command: readonly string[],
): [string, ...string[]] {
  // A wrapper that forks is the parent then, and has to take the process with it.
  const inner = wrap.length > 0 ? [...wrap, ...ON_PARENT_DEATH] : [];
  return [...ON_PARENT_DEATH, ...UNLESS_ORPHANED, String(parent), ...inner, ...command];
}

/**
 * Starts a process that the kernel kills when this one dies. Must be called from the main thread: the signal is sent
 * when the thread that started the process ends.
 */
export async function spawnSupervised(options: SupervisedOptions): Promise<SupervisedProcess> {
  if (!isMainThread) throw new Error('A supervised process can only be started from the main thread');
  const { command, args, wrap = [], stdin, stdout, stderr: log, extra = [] } = options;
  const [program, ...rest] = supervisedCommand(process.pid, wrap, [command, ...args]);
  const child = spawn(program, rest, {
    stdio: [stdin, stdout, log ?? 'pipe', ...extra],
    // A process group of its own: a terminal's interrupt is for the suite to handle, and kill() reaches everything.
    detached: true,
  });

  const chunks: Buffer[] = [];
  let kept = 0;
  child.stderr?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    kept += chunk.length;
    while (chunks[0] !== undefined && kept - chunks[0].length >= STDERR_KEPT) {
      kept -= chunks[0].length;
      chunks.shift();
    }
  });
  const stderr = () =>
    (log === undefined ? Buffer.concat(chunks).subarray(-STDERR_KEPT) : endOfFile(log)).toString('utf8');

  let running = true;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      const done = () => resolve({ code, signal, stderr: stderr() });
      // A grandchild that lives on may hold standard error open.
      const grace = setTimeout(done, STDERR_GRACE_MS);
      child.once('close', () => {
        clearTimeout(grace);
        done();
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${program} has no process id`);

  return {
    pid,
    stdio: child.stdio,
    stderr,
    exited,
    kill() {
      if (!running) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    },
  };
}

/** The last bytes of a file that is still being written. */
function endOfFile(fd: number): Buffer {
  const { size } = fstatSync(fd);
  const end = Buffer.alloc(Math.min(size, STDERR_KEPT));
  return end.subarray(0, readSync(fd, end, 0, end.length, size - end.length));
}
