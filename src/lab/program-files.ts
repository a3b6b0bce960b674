/** The files that a program needs to run on another file system: this Node.js with its libraries, and this package. */
import { createHash } from 'node:crypto';
import {
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cachePath, ensureFolder } from './cache.js';
import type { ArchiveEntry } from './cpio.js';
import type { Share } from './init-script.js';
import { LabError } from './lab-error.js';

/** The path of Node.js in the lab. */
export const LAB_NODE = '/usr/bin/node';

/** Where this package lies in the lab. */
export const LAB_PACKAGE = '/vscsi';

/** Where the folder of `ensureNode` is mounted. */
const NODE_MOUNT = '/node';

/** What a lab needs for Node.js: a share that has it, and links to it. */
export interface NodeForLab {
  readonly share: Share;
  readonly links: readonly ArchiveEntry[];
}

/**
 * Node.js as it runs here, with every library that it has loaded, as copies in a folder that holds nothing else. They
 * are shared, not loaded at the boot: of 100 MB little is ever read. Throws `LabError`.
 */
export async function ensureNode(log: (line: string) => void): Promise<NodeForLab> {
  const files = new Map(loadedLibraries().map((path) => [path, path]));
  files.set(LAB_NODE, process.execPath);
  const facts = [...files].map(([path, source]) => {
    const { size, mtimeMs } = statSync(source);
    return [path, source, size, mtimeMs];
  });
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, HASH_DIGITS);
  const folder = cachePath(`node-${process.version}-${hash}`);
  await ensureFolder({
    folder,
    log,
    usable: () => true,
    async build(building) {
      for (const [path, source] of files) {
        await mkdir(join(building, dirname(path)), { recursive: true });
        await copyFile(source, join(building, path), constants.COPYFILE_FICLONE);
      }
      return [...files.values()];
    },
  });
  return {
    share: { host: folder, guest: NODE_MOUNT, writable: false },
    links: [...files.keys()].map((path) => ({ kind: 'link', path, to: `${NODE_MOUNT}${path}` })),
  };
}

/** Paths of the libraries that this process uses, by which its loader finds them. */
function loadedLibraries(): string[] {
  const { report } = process;
  const quiet = report as typeof report & { excludeNetwork?: boolean };
  // Looking up the names of network interfaces may take seconds.
  quiet.excludeNetwork = true;
  const { sharedObjects } = report.getReport() as { sharedObjects?: readonly string[] };
  return (sharedObjects ?? []).filter(
    (path) => /^\/.*\.so(\.[\d.]+)?$/.test(path) && !path.endsWith('.node'),
  );
}

/** Folders and files of this package that a run needs. */
const PACKAGE_PARTS = ['package.json', 'dist', 'spec-cases', 'fixtures'];
/** Fixtures that no run reads. */
const EVIDENCE = 'fixtures/evidence';
const HASH_DIGITS = 12;

/** This package, and the packages on which it depends. Throws `LabError` where one is not installed. */
export function packageFiles(root: string): ArchiveEntry[] {
  const entries = PACKAGE_PARTS.flatMap((part) =>
    filesOf(
      join(root, part),
      `${LAB_PACKAGE}/${part}`,
      (path) => !path.includes(EVIDENCE) && !/\.(d\.ts|map)$/.test(path),
    ),
  );
  for (const [name, folder] of dependencies(root))
    entries.push(...filesOf(folder, `${LAB_PACKAGE}/node_modules/${name}`, isCode));
  return entries;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The folders of all packages on which one depends, by name. They are taken to be of one version each. */
function dependencies(root: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (folder: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    ) as Manifest;
    for (const name of new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies)])) {
      if (found.has(name)) continue;
      const place = packageFolder(name, folder);
      if (place !== undefined) {
        found.set(name, place);
        visit(place);
      } else if (!(name in optionalDependencies))
        throw new LabError(`the package ${name} is not installed`, 'npm install');
    }
  };
  visit(root);
  return found;
}

/** The folder of an installed package, as Node.js looks it up from another. */
function packageFolder(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return realpathSync(place);
    if (dirname(folder) === folder) return undefined;
  }
}

/** Of a package that is installed, what is run. */
function isCode(path: string): boolean {
  return /\.(js|cjs|mjs|json|node)$/.test(path);
}

/** A file, or everything below a folder, at another path; without what `wanted` refuses. */
export function filesOf(
  from: string,
  to: string,
  wanted: (path: string) => boolean = () => true,
): ArchiveEntry[] {
  if (!existsSync(from)) return [];
  if (!statSync(from).isDirectory()) return wanted(from) ? [fileEntry(from, to)] : [];
  const entries: ArchiveEntry[] = [{ kind: 'folder', path: to }];
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), `${to}/${entry.name}`];
    if (entry.isDirectory()) entries.push(...filesOf(source, target, wanted));
    else if (entry.isSymbolicLink()) entries.push({ kind: 'link', path: target, to: readlinkSync(source) });
    else if (entry.isFile() && wanted(source)) entries.push(fileEntry(source, target));
  }
  return entries;
}

function fileEntry(from: string, to: string): ArchiveEntry {
  const executable = (statSync(from).mode & 0o111) !== 0 || basename(from).endsWith('.node');
  return { kind: 'file', path: to, content: readFileSync(from), executable };
}
