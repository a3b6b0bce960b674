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
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { cachePath, ensureFolder } from '../dist/lab/cache.js';
import { LabError } from '../dist/lab/lab-error.js';
import { PrivateApt, unpack } from '../dist/lab/private-apt.js';

export const PROGRAM = 'qemu-system-x86_64';
/** Suites whose QEMU is newer than that of the release which the suite is developed on. */
export const NEWER_SUITES = ['trixie', 'trixie-backports'];

const PACKAGES = ['qemu-system-x86', 'qemu-system-common', 'qemu-system-data'];
/** What is in packages but is of no use to a program that runs from a folder. */
const NOT_UNPACKED = ['doc', 'info', 'lintian', 'locale', 'man', 'perl', 'perl5'].map(
  (name) => `./usr/share/${name}`,
);
const run = promisify(execFile);

/** It cannot be fetched here; the message says why, and what to do. */
export class GetQemuError extends Error {}

/** Makes sure that the QEMU of a suite is in its folder, and resolves with the path of the program. */
export async function getQemu(suite, { to, mirror, refresh = false, log = () => {} } = {}) {
  const folder = resolve(to ?? cachePath(`qemu-${suite}`));
  const program = join(folder, PROGRAM);
  const build = async (building) => {
    const apt = await PrivateApt.open(join(building, 'apt'), { suite, mirror, log });
    const packages = await apt.downloadAll(PACKAGES);
    const root = join(building, 'root');
    await unpack(packages, root, NOT_UNPACKED);
    await mergeUsr(root);
    await complete(root, building);
    log(`${await versionOf(join(building, PROGRAM), true)}: ${packages.length} packages`);
    await writeFile(
      join(building, 'profile.yaml'),
      `# A device profile, for vscsi run --dut\ndut: qemu\nname: ${JSON.stringify(basename(folder))}\nbinary: ${JSON.stringify(program)}\n`,
    );
    await rm(join(building, 'apt'), { recursive: true });
    return packages.map((path) => basename(path));
  };
  const usable = async () => (await versionOf(program)) !== undefined;
  try {
    if (!/^[a-z][a-z-]*$/.test(suite)) throw new LabError(`${suite} is no name of a suite`);
    await ensureFolder({ folder, refresh, usable, build, log });
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const { message, remedy } = error;
    throw new GetQemuError(remedy === undefined ? message : `${message}; ${remedy}`, { cause: error });
  }
  return program;
}

/** Packages of a release with /usr merged count on these links, which the installed system would have. */
async function mergeUsr(root) {
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    if (existsSync(join(root, 'usr', name)) && !existsSync(join(root, name)))
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
