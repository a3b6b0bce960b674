/** The package itself: where its data lie, and its version. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The folder of the package. */
export const PACKAGE_ROOT: string = ROOT;

/** The folder of the cases that come with the suite. */
export const SPEC_CASES: string = join(ROOT, 'spec-cases');
/** The folder of the lists of known deviations. */
export const KNOWN_LISTS: string = join(ROOT, 'fixtures', 'known');

/** The folder of files that byte patterns can name. */
export const FIXTURES: string = join(ROOT, 'fixtures');

/** Version of the suite, from package.json. */
export const SUITE_VERSION: string = (
  JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
).version;

/** Files in `spec-cases` that hold catalogues rather than cases. */
const CATALOGUES: ReadonlySet<string> = new Set([
  'requirements.yaml',
  'scsi-requirements.yaml',
  'rulings.yaml',
  'reasons.yaml',
  'roles.yaml',
]);

/** All case files below the given files and folders, sorted. Throws the file system's error for a path that is not there. */
export function findCaseFiles(paths: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (!statSync(path).isDirectory()) {
      found.add(resolve(path));
      return;
    }
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) visit(join(path, entry.name));
      else if (/\.ya?ml$/.test(entry.name) && !CATALOGUES.has(entry.name))
        found.add(resolve(path, entry.name));
    }
  };
  for (const path of paths) visit(path);
  return [...found].sort();
}

/** SHA-256 over the contents of the case files: two runs with the same hash ran the same cases. */
export function hashCaseFiles(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}
