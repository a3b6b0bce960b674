/** Programs of Debian for the lab, each with the libraries that it needs. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cachePath, ensureFolder } from './cache.js';
import type { ArchiveEntry } from './cpio.js';
import type { Share } from './init-script.js';
import { DEFAULT_SUITE } from './kernel.js';
import { LabError } from './lab-error.js';
import { PrivateApt, unpack } from './private-apt.js';

/** What a lab needs for the programs of a package. */
export interface ProgramsForLab {
  readonly share: Share;
  /** Under their names in /usr/local/bin. */
  readonly links: readonly ArchiveEntry[];
}

const PROGRAM_FOLDERS = ['usr/bin', 'bin', 'usr/sbin', 'sbin'];
const NOT_UNPACKED = ['doc', 'info', 'lintian', 'locale', 'man'].map((name) => `./usr/share/${name}`);

/** Makes sure that a package and what it depends on are there, of the lab's own suite. Throws `LabError`. */
export async function ensurePrograms(
  name: string,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<ProgramsForLab> {
  const folder = cachePath(`${name}-${DEFAULT_SUITE}`);
  const own = join(folder, 'programs');
  await ensureFolder({
    folder,
    log,
    usable: () => existsSync(own),
    async build(building) {
      const apt = await PrivateApt.open(join(building, 'apt'), {
        suite: DEFAULT_SUITE,
        log,
        ...(signal && { signal }),
      });
      const packages = await apt.downloadAll([name]);
      await unpack(packages, join(building, 'root'), NOT_UNPACKED, signal);
      const [itself] = packages.filter((path) => basename(path).startsWith(`${name}_`));
      if (itself === undefined) throw new LabError(`${name} was not among what was fetched`);
      await mkdir(join(building, 'programs'));
      await unpack([itself], join(building, 'programs'), NOT_UNPACKED, signal);
      await rm(join(building, 'apt'), { recursive: true });
      return packages.map((path) => basename(path));
    },
  });
  return {
    share: { host: folder, guest: `/${name}`, writable: false },
    links: await wrappers(own, `/${name}/root`),
  };
}

/** Each program by the loader and the libraries that came with it, whatever else the lab holds. */
async function wrappers(own: string, root: string): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  for (const folder of PROGRAM_FOLDERS.filter((each) => existsSync(join(own, each)))) {
    for (const program of await readdir(join(own, folder))) {
      const path = `${root}/${folder}/${program}`;
      const libraries = `${root}/lib/x86_64-linux-gnu:${root}/usr/lib/x86_64-linux-gnu`;
      const isElf = (await readFile(join(own, folder, program))).toString('latin1', 1, 4) === 'ELF';
      if (!isElf) continue;
      const script = `#!/bin/sh\nexec ${root}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 --library-path ${libraries} ${path} "$@"\n`;
      entries.push({
        kind: 'file',
        path: `/usr/local/bin/${program}`,
        content: Buffer.from(script),
        executable: true,
      });
    }
  }
  return entries;
}
