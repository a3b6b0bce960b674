/** Packages of Debian, fetched by an apt with a state of its own: nothing is installed, nothing needs root. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findExecutable } from '../sys/executable.js';
import { explainFileError, LabError } from './lab-error.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const NEEDED: readonly (readonly [program: string, packageName: string])[] = [
  ['apt-get', 'apt'],
  ['dpkg-deb', 'dpkg'],
  ['tar', 'tar'],
];
const TRIES = 3;
const RETRY_AFTER_MS = 3000;
/** Output of apt and tar that is kept. */
const MAX_OUTPUT = 2 ** 26;

const run = promisify(execFile);

export interface AptOptions {
  /** One of Debian's, e.g. `bookworm`; the release comes along for a `…-backports`. */
  readonly suite: string;
  /** Default: the variable VSCSI_DEBIAN_MIRROR, else deb.debian.org. */
  readonly mirror?: string;
  readonly log: (line: string) => void;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/** What this machine lacks for fetching packages; undefined for nothing. */
export function aptObstacle(): LabError | undefined {
  for (const [program, name] of NEEDED)
    if (findExecutable(program) === undefined)
      return new LabError(
        `${program} is missing, by which Debian's packages are fetched and unpacked`,
        `install ${name}`,
      );
  if (!existsSync(KEYRING))
    return new LabError(
      `${KEYRING} is missing, by which Debian's signatures are verified`,
      'install debian-archive-keyring',
    );
  return undefined;
}

/** The lists of one suite, and packages of it. */
export class PrivateApt {
  readonly #folder: string;
  readonly #suite: string;
  readonly #mirror: string;
  readonly #signal: AbortSignal | undefined;

  private constructor(folder: string, { suite, mirror, signal }: AptOptions) {
    this.#folder = folder;
    this.#suite = suite;
    this.#mirror = mirror ?? process.env.VSCSI_DEBIAN_MIRROR ?? DEFAULT_MIRROR;
    this.#signal = signal;
  }

  /** Fetches the lists of a suite; all that apt keeps goes into `folder`. Throws `LabError`. */
  static async open(folder: string, options: AptOptions): Promise<PrivateApt> {
    const { suite, log } = options;
    if (!/^[a-z][a-z-]*$/.test(suite)) throw new LabError(`${suite} is no name of a suite`);
    const obstacle = aptObstacle();
    if (obstacle !== undefined) throw obstacle;
    const apt = new PrivateApt(folder, options);
    await apt.#prepare();
    log(`${suite} of ${apt.#mirror}: fetching`);
    await apt.#retried('the lists', () => apt.#update());
    return apt;
  }

  /** The packages on which one depends directly. */
  async dependenciesOf(name: string): Promise<readonly string[]> {
    const { stdout } = await this.#run('apt-cache', 'depends', '--important', name);
    return [...stdout.matchAll(/^\s*\|?(?:Pre)?Depends: ([^<\s]+)$/gm)].map(([, found = '']) => found);
  }

  /** Fetches these packages, each a name or NAME=VERSION, and nothing besides. Resolves with the files of all that were fetched so far. */
  download(names: readonly string[]): Promise<readonly string[]> {
    return this.#fetch(names, () => this.#get('download', ...names));
  }

  /** Fetches these packages with everything on which they depend. */
  downloadAll(names: readonly string[]): Promise<readonly string[]> {
    return this.#fetch(names, () =>
      this.#get('-y', '--download-only', 'install', ...names.map((name) => `${name}/${this.#suite}`)),
    );
  }

  async #fetch(names: readonly string[], action: () => Promise<unknown>): Promise<readonly string[]> {
    let before = false;
    await this.#retried(names.join(', '), async () => {
      // A mirror may have taken a package away since its lists were fetched.
      if (before) await this.#update();
      before = true;
      await action();
    });
    const archives = this.#archives();
    const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
    return files.sort().map((name) => join(archives, name));
  }

  async #prepare(): Promise<void> {
    const state = join(this.#folder, 'state');
    await mkdir(join(state, 'lists', 'partial'), { recursive: true });
    await mkdir(join(this.#archives(), 'partial'), { recursive: true });
    await mkdir(join(this.#folder, 'preferences'));
    // No package counts as installed, so that nothing of what is needed is left out.
    await writeFile(join(state, 'status'), '');
    const sources = [...new Set([this.#suite.replace(/-backports$/, ''), this.#suite])].map(
      (name) => `deb [signed-by=${KEYRING}] ${this.#mirror} ${name} main\n`,
    );
    await writeFile(join(this.#folder, 'sources.list'), sources.join(''));
  }

  #archives(): string {
    return join(this.#folder, 'cache', 'archives');
  }

  /** Without the option, a list that could not be fetched is but a warning. */
  #update(): Promise<unknown> {
    return this.#get('-o', 'APT::Update::Error-Mode=any', 'update');
  }

  #get(...words: readonly string[]): Promise<{ readonly stdout: string }> {
    return this.#run('apt-get', '-q', ...words);
  }

  #run(program: string, ...words: readonly string[]): Promise<{ readonly stdout: string }> {
    const state = join(this.#folder, 'state');
    const settings: Record<string, string> = {
      'Dir::State': state,
      'Dir::State::Lists': join(state, 'lists'),
      'Dir::State::status': join(state, 'status'),
      'Dir::Cache': join(this.#folder, 'cache'),
      'Dir::Etc::SourceList': join(this.#folder, 'sources.list'),
      'Dir::Etc::SourceParts': '-',
      'Dir::Etc::Preferences': '/dev/null',
      'Dir::Etc::PreferencesParts': join(this.#folder, 'preferences'),
      'APT::Default-Release': this.#suite,
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': 'root',
      'APT::Get::AllowUnauthenticated': 'false',
      'Acquire::AllowInsecureRepositories': 'false',
      'Acquire::Languages': 'none',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    return run(program, [...options, ...words], {
      cwd: this.#archives(),
      maxBuffer: MAX_OUTPUT,
      env: { ...process.env, LC_ALL: 'C' },
      ...(this.#signal && { signal: this.#signal }),
    });
  }

  async #retried(what: string, action: () => Promise<unknown>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await action();
        return;
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (attempt === TRIES)
          throw new LabError(
            explainFileError(error, `${what} of ${this.#suite} could not be fetched from ${this.#mirror}`)
              .message,
            'name another mirror by the variable VSCSI_DEBIAN_MIRROR',
            { cause: error },
          );
        await delay(attempt * RETRY_AFTER_MS, undefined, { ...(this.#signal && { signal: this.#signal }) });
      }
    }
  }
}

/** Unpacks packages into a folder, without what matches the patterns of tar; `./usr/share/doc`, say. */
export async function unpack(
  packages: readonly string[],
  root: string,
  excluded: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const file of packages) {
    const words = excluded.map((path) => `--exclude=${path}`);
    const pipeline = 'file=$1; shift; dpkg-deb --fsys-tarfile "$file" | tar -x --no-same-owner "$@"';
    await run('sh', ['-c', pipeline, 'unpack', file, '-C', root, ...words], {
      maxBuffer: MAX_OUTPUT,
      ...(signal && { signal }),
    });
  }
}

/** A field of a package that was fetched, empty if it has none. */
export async function packageField(file: string, field: string): Promise<string> {
  const { stdout } = await run('dpkg-deb', ['-f', file, field]);
  return stdout.trim();
}
