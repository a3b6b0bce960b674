/** Runs the built command line, as users do; `npm test` builds it first. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { RunResults } from '../../src/run/results.js';

/** The built command line. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Case files of these tests. */
export const FIXTURES = fileURLToPath(new URL('../run/fixtures/', import.meta.url));

/** A running command with a folder of its own for files and temporary files. */
export class Vscsi {
  readonly folder = mkdtempSync(join(tmpdir(), 'vscsi-cli-'));
  readonly #child: ChildProcess;
  #output = '';
  readonly #ended: Promise<number | null>;

  constructor(args: readonly string[]) {
    mkdirSync(join(this.folder, 'tmp'));
    this.#child = spawn(process.execPath, [MAIN, ...args.map((arg) => arg.replace('@', `${this.folder}/`))], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: join(this.folder, 'tmp') },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.#output += data.toString();
      });
    this.#ended = new Promise((resolve) => this.#child.on('close', (code) => resolve(code)));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  /** Both output streams so far. */
  get output(): string {
    return this.#output;
  }
  get lastLine(): string {
    return this.#output.trimEnd().split('\n').at(-1) ?? '';
  }
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
  /** Exit code, or null after a signal. */
  ended(): Promise<number | null> {
    return this.#ended;
  }
  /** The results written with `--report json=@NAME`. */
  results(name: string): RunResults {
    return JSON.parse(readFileSync(join(this.folder, name), 'utf8')) as RunResults;
  }
  /** The complete lines of `--report jsonl=@NAME` so far. */
  lines(name: string): Record<string, unknown>[] {
    const file = join(this.folder, name);
    if (!existsSync(file)) return [];
    const complete = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return complete.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
  /** Process ids of programs of this name that the command started. */
  processes(program: string): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const owned = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${this.folder}`);
          return owned && readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')[0]?.includes(program);
        } catch {
          return false;
        }
      })
      .map(Number);
  }
  /** Files that it left in its folder for temporary files. */
  leftovers(): string[] {
    return readdirSync(join(this.folder, 'tmp'));
  }
  /** Waits until `condition` holds; throws with the output when it never does. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const limit = Date.now() + 200_000;
    while (!condition()) {
      if (Date.now() > limit) throw new Error(`never: ${what}\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  dispose(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the current test has started. */
const running: Vscsi[] = [];
afterEach(() => {
  for (const run of running.splice(0)) run.dispose();
});

/** Starts a command; it is killed, and its folder removed, after the test. */
export function start(...args: readonly string[]): Vscsi {
  const run = new Vscsi(args);
  running.push(run);
  return run;
}

/** Runs a command to its end. */
export async function finish(
  ...args: readonly string[]
): Promise<{ code: number | null; output: string; run: Vscsi }> {
  const run = start(...args);
  return { code: await run.ended(), output: run.output, run };
}
