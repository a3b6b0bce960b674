/**
 * Unpacks a newer QEMU of Debian, with every library it needs, into a folder. Nothing is installed and nothing needs
 * root; apt works on a state of its own in that folder, and verifies Debian's signatures as always.
 *
 *     node scripts/get-qemu.mjs [SUITE] [--to DIR] [--mirror URI] [--refresh]
 *
 * SUITE is one of Debian's, by default `trixie`; its release comes along for a `…-backports`. The folder is by default
 * `${XDG_CACHE_HOME:-~/.cache}/vscsi/qemu-SUITE`. What is there already is used as it is, unless `--refresh` is given.
 * On success the last line is the path of the program, for `vscsi run --dut qemu --qemu PATH`; beside it there is a
 * device profile, for `vscsi run --dut DIR/profile.yaml`.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { argv, env } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

export const PROGRAM = 'qemu-system-x86_64';
/** Suites whose QEMU is newer than that of the release which the suite is developed on. */
export const NEWER_SUITES = ['trixie', 'trixie-backports'];

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const PACKAGES = ['qemu-system-x86', 'qemu-system-common', 'qemu-system-data'];
/** What is in packages but is of no use to a program that runs from a folder. */
const NOT_UNPACKED = ['doc', 'info', 'lintian', 'locale', 'man', 'perl', 'perl5'].map(
  (name) => `./usr/share/${name}`,
);
/** Written last but the rename; names the packages, and marks a folder as made by this script. */
const CONTENTS = 'packages.txt';
const TRIES = 3;
const RETRY_AFTER_MS = 5000;
const NEEDED = { 'apt-get': 'apt', 'dpkg-deb': 'dpkg', tar: 'tar' };

const run = promisify(execFile);

/** It cannot be fetched here; the message says why, and what to do. */
export class GetQemuError extends Error {}

/** Makes sure that the QEMU of a suite is in its folder, and resolves with the path of the program. */
export async function getQemu(suite, { to, mirror, refresh = false, log = () => {} } = {}) {
  if (!/^[a-z][a-z-]*$/.test(suite)) throw new GetQemuError(`${suite} is no name of a suite`);
  const folder = resolve(to ?? defaultFolder(suite));
  const program = join(folder, PROGRAM);
  if (await exists(folder)) {
    if (!(await exists(join(folder, CONTENTS))))
      throw new GetQemuError(`${folder} exists and was not made by this script; name another with --to`);
    if (!refresh && (await versionOf(program)) !== undefined) return program;
    log(`${folder}: made anew`);
  }
  await checkMachine();
  const building = `${folder}.new-${process.pid}`;
  await rm(building, { recursive: true, force: true });
  try {
    const root = join(building, 'root');
    await mkdir(root, { recursive: true });
    const packages = await download(
      suite,
      mirror ?? env.VSCSI_DEBIAN_MIRROR ?? DEFAULT_MIRROR,
      building,
      log,
    );
    await unpack(packages, root);
    await complete(root, building);
    const version = await versionOf(join(building, PROGRAM), true);
    log(`${version}: ${packages.length} packages`);
    await writeFile(
      join(building, 'profile.yaml'),
      `# A device profile, for vscsi run --dut\ndut: qemu\nname: ${JSON.stringify(basename(folder))}\nbinary: ${JSON.stringify(program)}\n`,
    );
    await writeFile(join(building, CONTENTS), `${packages.map((path) => basename(path)).join('\n')}\n`);
    await rm(join(building, 'apt'), { recursive: true });
    await rm(folder, { recursive: true, force: true });
    await rename(building, folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return program;
}

/** Where the QEMU of a suite goes unless the user says otherwise. */
function defaultFolder(suite) {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'vscsi', `qemu-${suite}`);
}

async function checkMachine() {
  for (const [program, name] of Object.entries(NEEDED)) {
    const found = await run('sh', ['-c', `command -v ${program}`]).catch(() => undefined);
    if (found === undefined)
      throw new GetQemuError(
        `${program} is missing: Debian's packages are fetched and unpacked with ${name}`,
      );
  }
  if (!(await exists(KEYRING)))
    throw new GetQemuError(
      `${KEYRING} is missing, by which Debian's signatures are verified: install the package`,
    );
}

/** Downloads the packages and all that they depend on; resolves with the paths of the files. */
async function download(suite, mirror, folder, log) {
  const apt = join(folder, 'apt');
  const archives = join(apt, 'cache', 'archives');
  await mkdir(join(apt, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  await mkdir(join(apt, 'preferences'));
  // No package counts as installed, so that nothing of what is needed is left out.
  await writeFile(join(apt, 'state', 'status'), '');
  const sources = [...new Set([suite.replace(/-backports$/, ''), suite])].map(
    (name) => `deb [signed-by=${KEYRING}] ${mirror} ${name} main\n`,
  );
  await writeFile(join(apt, 'sources.list'), sources.join(''));
  const settings = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::Lists': join(apt, 'state', 'lists'),
    'Dir::State::status': join(apt, 'state', 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Etc::SourceList': join(apt, 'sources.list'),
    'Dir::Etc::SourceParts': '-',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': join(apt, 'preferences'),
    'APT::Default-Release': suite,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
    'APT::Get::AllowUnauthenticated': 'false',
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::Languages': 'none',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const aptGet = (...words) =>
    run('apt-get', ['-q', ...options, ...words], { maxBuffer: 2 ** 26, env: { ...env, LC_ALL: 'C' } });
  log(`${suite} of ${mirror}: fetching`);
  // Without this, a list that could not be fetched is but a warning.
  await retried(`the lists of ${suite} from ${mirror}`, () =>
    aptGet('-o', 'APT::Update::Error-Mode=any', 'update'),
  );
  await retried(`the packages of ${suite} from ${mirror}`, () =>
    aptGet('-y', '--download-only', 'install', ...PACKAGES.map((name) => `${name}/${suite}`)),
  );
  const names = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  return names.sort().map((name) => join(archives, name));
}

async function retried(what, action) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === TRIES) {
        const said = `${error.stderr ?? ''}`.trim().split('\n').slice(-5).join('\n');
        throw new GetQemuError(`${what} could not be fetched:\n${said || error.message}`, { cause: error });
      }
      await delay(attempt * RETRY_AFTER_MS);
    }
  }
}

async function unpack(packages, root) {
  const excluded = NOT_UNPACKED.map((path) => `--exclude=${path}`).join(' ');
  const script = `set -e; for p; do dpkg-deb --fsys-tarfile "$p" | tar -x --no-same-owner -C "$ROOT" ${excluded}; done`;
  await run('sh', ['-c', script, 'unpack', ...packages], { env: { ...env, ROOT: root }, maxBuffer: 2 ** 26 });
  // Packages of a release with /usr merged count on these links, which the installed system would have.
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    if ((await exists(join(root, 'usr', name))) && !(await exists(join(root, name))))
      await symlink(`usr/${name}`, join(root, name));
  }
}

/** Makes the unpacked program usable where it lies. */
async function complete(root, folder) {
  const triplet = (await readdir(join(root, 'usr', 'lib'))).find((name) => /-linux-gnu[a-z0-9]*$/.test(name));
  if (triplet === undefined) throw new GetQemuError('the packages hold no libraries');
  const libraries = join('usr', 'lib', triplet);
  const loader = (await readdir(join(root, libraries))).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
  if (loader === undefined) throw new GetQemuError('the packages hold no program loader');
  await forgetModuleFolder(join(root, 'usr', 'bin', PROGRAM), `/${libraries}/qemu`);
  const wrapper = `#!/bin/sh
# QEMU from this folder, with the folder's own loader, libraries, modules and firmware.
root=$(dirname "$(readlink -f "$0")")/root
export QEMU_MODULE_DIR="$root/${libraries}/qemu"
exec "$root/${libraries}/${loader}" --library-path "$root/${libraries}" --argv0 "$0" \\
  "$root/usr/bin/${PROGRAM}" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@"
`;
  await writeFile(join(folder, PROGRAM), wrapper);
  await chmod(join(folder, PROGRAM), 0o755);
}

/**
 * Debian's QEMU looks for a module that its folder lacks where an installed QEMU has its own, which are of another build
 * and end the program. In our copy that path leads nowhere.
 */
async function forgetModuleFolder(program, path) {
  const image = await readFile(program);
  const wanted = Buffer.from(`\0${path}\0`, 'latin1');
  const nowhere = Buffer.from(`\0${'/nonexistent'.padEnd(path.length, '_')}\0`, 'latin1');
  for (let at = image.indexOf(wanted); at >= 0; at = image.indexOf(wanted, at + 1)) nowhere.copy(image, at);
  await writeFile(program, image);
}

/** The version, or undefined if the program does not run; with `must`, that is an error. */
async function versionOf(program, must = false) {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 20_000 });
    return stdout.split('\n')[0];
  } catch (error) {
    if (!must) return undefined;
    throw new GetQemuError(
      `the unpacked program does not run: ${`${error.stderr ?? ''}`.trim() || error.message}`,
      {
        cause: error,
      },
    );
  }
}

async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      to: { type: 'string' },
      mirror: { type: 'string' },
      refresh: { type: 'boolean', default: false },
    },
  });
  const [suite = NEWER_SUITES[0], ...more] = positionals;
  if (more.length > 0) throw new GetQemuError(`one suite at a time; got also ${more.join(' ')}`);
  console.log(await getQemu(suite, { ...values, log: (line) => console.error(line) }));
}

if (argv[1] !== undefined && resolve(argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`get-qemu: ${error.message}`);
    process.exitCode = 1;
  });
}
