/** Folders that are made once and used often: complete or not there at all. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { explainFileError, LabError } from './lab-error.js';

/** Marks a folder as made here, and names what was fetched for it. */
const CONTENTS = 'packages.txt';

/** Where a folder of this name lies unless the user says otherwise. */
export function cachePath(name: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vscsi', name);
}

export interface CachedFolder {
  readonly folder: string;
  /** Made anew, whatever is there. */
  readonly refresh?: boolean;
  /** Whether what is there can be used. */
  readonly usable: () => boolean | Promise<boolean>;
  /** Fills an empty folder, which then takes its place; resolves with what was fetched for it. */
  readonly build: (folder: string) => Promise<readonly string[]>;
  readonly log: (line: string) => void;
}

/** Makes sure that the folder is there. Throws `LabError` for a folder that holds other things. */
export async function ensureFolder({ folder, refresh, usable, build, log }: CachedFolder): Promise<void> {
  if (existsSync(folder)) {
    if (!existsSync(join(folder, CONTENTS)))
      throw new LabError(`${folder} exists and was not made by vscsi`, 'choose another folder');
    if (refresh !== true && (await usable())) return;
    log(`${folder}: made anew`);
  }
  const building = `${folder}.new-${process.pid}`;
  try {
    await mkdir(dirname(folder), { recursive: true });
    await rm(building, { recursive: true, force: true });
    await mkdir(building);
    const contents = await build(building);
    await writeFile(join(building, CONTENTS), `${contents.join('\n')}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(building, folder);
  } catch (error) {
    throw explainFileError(error, folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
