/** A kernel of Debian in a folder, with the modules that the lab may want, and busybox. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { cachePath, ensureFolder } from './cache.js';
import { LabError } from './lab-error.js';
import { dependenciesOf, loadOrder, moduleName } from './modules.js';
import { type AptOptions, PrivateApt, packageField, unpack } from './private-apt.js';
import { vmlinuxOf } from './vmlinux.js';

/** The suite whose kernel is used unless another is asked for. */
export const DEFAULT_SUITE = 'bookworm';

/** Names the kernel that a suite has at present. */
const METAPACKAGE = 'linux-image-amd64';
const BUSYBOX = 'busybox-static';
/** Newer kernels come in several packages. */
const KERNEL_PART = /^(linux-(?:binary|modules|base)-\S+) \(= ([^)]+)\)$/;
/** Modules that no lab needs, as parts of their paths: most of the size. */
const NOT_KEPT = [
  'sound',
  'drivers/gpu',
  'drivers/media',
  'drivers/net',
  'drivers/staging',
  'drivers/infiniband',
  'drivers/iio',
  'drivers/usb',
  'drivers/hid',
  'drivers/input',
  'drivers/video',
  'drivers/isdn',
  'drivers/mtd',
  'drivers/comedi',
  'drivers/hwmon',
  'drivers/platform',
  'drivers/power',
  'drivers/bluetooth',
  'drivers/i2c',
  'drivers/spi',
  'drivers/w1',
  'net/bluetooth',
  'net/mac80211',
  'net/netfilter',
  'net/ipv4',
  'net/ipv6',
  'net/sctp',
  'net/tipc',
];
const IMAGE = 'kernel';
const RELEASE = 'release';
const BUILTIN = 'modules.builtin';
const MAX_KERNEL = 2 ** 28;

const run = promisify(execFile);

/** A kernel that can be booted. */
export interface Kernel {
  /** As `uname -r` says. */
  readonly release: string;
  /** Path of what QEMU boots. */
  readonly image: string;
  /** Path of a busybox that needs no libraries. */
  readonly busybox: string;
  /** The files of these modules and of all on which they depend, in the order of loading. Throws `LabError`. */
  modules(names: readonly string[]): readonly { readonly name: string; readonly file: string }[];
}

export interface FetchOptions extends Omit<AptOptions, 'suite'> {
  /** Default `bookworm`. */
  readonly suite?: string;
  /** Fetch again, even if it is there. */
  readonly refresh?: boolean;
}

/** Where the kernel of a suite lies. */
export function kernelFolder(suite: string = DEFAULT_SUITE): string {
  return cachePath(`linux-${suite}`);
}

/** Whether `ensureKernel` has nothing to fetch. */
export function hasKernel(suite?: string): boolean {
  return existsSync(join(kernelFolder(suite), RELEASE));
}

/** Makes sure that the kernel of a suite is there. Throws `LabError`. */
export async function ensureKernel({
  suite = DEFAULT_SUITE,
  refresh,
  ...options
}: FetchOptions): Promise<Kernel> {
  const folder = kernelFolder(suite);
  const { log, signal } = options;
  await ensureFolder({
    folder,
    log,
    ...(refresh !== undefined && { refresh }),
    usable: () => hasKernel(suite),
    build: (building) => build(building, { suite, ...options }),
  });
  signal?.throwIfAborted();
  return kernelIn(folder);
}

async function build(folder: string, options: AptOptions): Promise<readonly string[]> {
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  const apt = await PrivateApt.open(join(scratch, 'apt'), options);
  const [name] = await apt.dependenciesOf(METAPACKAGE);
  if (name === undefined)
    throw new LabError(`${METAPACKAGE} of ${options.suite} does not say which kernel it stands for`);
  let packages = await apt.download([name, BUSYBOX]);
  const image = packages.find((path) => basename(path).startsWith(`${name}_`));
  const parts = image === undefined ? [] : kernelParts(await packageField(image, 'Depends'));
  if (parts.length > 0) packages = await apt.download(parts);
  const root = join(scratch, 'root');
  const { log, signal } = options;
  log(`${name}: unpacking`);
  await unpack(packages, root, [...NOT_KEPT.map((path) => `*/kernel/${path}/*`), './usr/share'], signal);
  await takeOver(root, folder, log);
  await rm(scratch, { recursive: true });
  return packages.map((path) => basename(path));
}

/** The packages of the same build that make up a kernel together. */
export function kernelParts(depends: string): readonly string[] {
  return depends.split(',').flatMap((each) => {
    const [, name, version] = KERNEL_PART.exec(each.trim()) ?? [];
    return name === undefined ? [] : [`${name}=${version}`];
  });
}

/** From the unpacked packages to the few files that matter. */
async function takeOver(root: string, folder: string, log: (line: string) => void): Promise<void> {
  const [tree] = [join(root, 'lib', 'modules'), join(root, 'usr', 'lib', 'modules')].filter(existsSync);
  const [release] = tree === undefined ? [] : await readdir(tree);
  if (tree === undefined || release === undefined) throw new LabError('the packages hold no modules');
  const places = [join(root, 'boot', `vmlinuz-${release}`), join(tree, release, 'vmlinuz')];
  const packed = places.find(existsSync);
  if (packed === undefined) throw new LabError('the packages hold no kernel');
  await writeFile(join(folder, IMAGE), bootable(await readFile(packed), log));
  await writeFile(join(folder, RELEASE), `${release}\n`);
  await cp(join(tree, release, 'modules.builtin'), join(folder, BUILTIN)).catch(() =>
    writeFile(join(folder, BUILTIN), ''),
  );
  const modules = join(folder, 'modules');
  await mkdir(modules);
  const files = await readdir(join(tree, release), { recursive: true });
  for (const file of files.filter((path) => /\.ko(\.[a-z]+)?$/.test(path)))
    await rename(join(tree, release, file), join(modules, moduleFile(file)));
  await decompressModules(modules);
  const busybox = ['bin', 'usr/bin'].map((path) => join(root, path, 'busybox')).find(existsSync);
  if (busybox === undefined) throw new LabError(`${BUSYBOX} holds no busybox`);
  await rename(busybox, join(folder, 'busybox'));
  await chmod(join(folder, 'busybox'), 0o755);
}

/** File name of a module by its normal name, with what it is compressed by. */
function moduleFile(path: string): string {
  return `${moduleName(path)}${/\.ko(\.[a-z]+)?$/.exec(path)?.[0] ?? '.ko'}`;
}

async function decompressModules(folder: string): Promise<void> {
  const commands: Readonly<Record<string, readonly string[]>> = {
    '.xz': ['xz', '-d'],
    '.zst': ['zstd', '-qd', '--rm'],
  };
  const files = await readdir(folder);
  for (const [end, [program = '', ...words]] of Object.entries(commands)) {
    const packed = files.filter((name) => name.endsWith(end));
    if (packed.length > 0) await run(program, [...words, ...packed], { cwd: folder });
  }
}

/** The kernel as it boots soonest: as it is, where this machine cannot decompress it. */
function bootable(image: Buffer, log: (line: string) => void): Uint8Array {
  try {
    return vmlinuxOf(image, ([program = '', ...words], input) =>
      execFileSync(program, words, { input, maxBuffer: MAX_KERNEL }),
    );
  } catch (error) {
    log(`the kernel stays compressed, which costs seconds at each boot: ${(error as Error).message}`);
    return image;
  }
}

function kernelIn(folder: string): Kernel {
  const builtin = new Set(
    readFileSync(join(folder, BUILTIN), 'utf8').split('\n').filter(Boolean).map(moduleName),
  );
  const fileOf = (name: string) => join(folder, 'modules', `${name}.ko`);
  return {
    release: readFileSync(join(folder, RELEASE), 'utf8').trim(),
    image: join(folder, IMAGE),
    busybox: join(folder, 'busybox'),
    modules(names) {
      try {
        return loadOrder(names, (name) => {
          if (builtin.has(name)) return 'builtin';
          return existsSync(fileOf(name)) ? dependenciesOf(readFileSync(fileOf(name))) : undefined;
        }).map((name) => ({ name, file: fileOf(name) }));
      } catch (error) {
        throw new LabError(`${folder}: ${(error as Error).message}`, undefined, { cause: error });
      }
    },
  };
}
