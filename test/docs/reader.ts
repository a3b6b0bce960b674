/**
 * The machine of somebody who reads the documentation: a folder of its own with programs on the path that stand in for
 * what the reader has.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, with a `/` at the end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The built command line. */
export const MAIN = join(ROOT, 'dist/cli/main.js');
/** Starts the built command line in the place of a shell script: `exec ${VSCSI} run …`. */
export const VSCSI = `'${process.execPath}' '${MAIN}'`;

export interface Environment {
  readonly [name: string]: string;
}

/** How a command went. */
export interface Outcome {
  /** Exit code; null after a signal, as when the limit of time was reached. */
  readonly status: number | null;
  readonly stdout: string;
  /** Both output streams, for messages. */
  readonly said: string;
}

/** No command of the documentation takes so long, in milliseconds. */
const LIMIT = 120_000;

/** A reader's folder. */
export class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'vscsi-docs-'));
  readonly #background: ChildProcess[] = [];

  /** Writes a file, by its path in the folder. */
  file(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Puts a program on the path, or beside the reader's files where its name has a folder; `text` is a whole script. */
  program(name: string, text: string): void {
    const path = name.includes('/') ? name : join('bin', name);
    this.file(path, text);
    chmodSync(join(this.folder, path), 0o755);
  }

  /** The environment of the reader's commands. */
  environment(more: Environment = {}): NodeJS.ProcessEnv {
    return { ...process.env, ...more, PATH: `${join(this.folder, 'bin')}:${process.env.PATH}` };
  }

  /** Runs a program to its end. */
  run(program: string, args: readonly string[], more: Environment = {}): Outcome {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: this.folder,
      encoding: 'utf8',
      env: this.environment(more),
      timeout: LIMIT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { status, stdout, said: `${stdout}${stderr}` };
  }

  /** Runs a line by the shell. */
  shell(line: string, more: Environment = {}): Outcome {
    return this.run('sh', ['-e', '-c', line], more);
  }

  /** Starts a line that goes on in the background, until all the files are there that it is known to make. */
  async start(line: string, makes: readonly string[]): Promise<void> {
    const child = spawn('sh', ['-c', `exec ${line}`], {
      cwd: this.folder,
      env: this.environment(),
      stdio: 'ignore',
    });
    this.#background.push(child);
    while (!makes.every((name) => existsSync(name))) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${line}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends what is in the background and removes the folder. */
  dispose(): void {
    for (const child of this.#background.splice(0)) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
