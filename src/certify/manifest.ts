/** The list of a record's files with their hashes, in the form that `sha256sum -c` reads. */
import { createHash } from 'node:crypto';

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Hashes by path below the folder of the record, with `/` between its parts. */
export type Manifest = ReadonlyMap<string, string>;

/** Sorted, so that equal files give equal manifests. */
export function manifestText(manifest: Manifest): string {
  return [...manifest]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, hash]) => `${hash}  ${path}\n`)
    .join('');
}

/** Undefined where the text is not what `manifestText` writes. */
export function parseManifest(text: string): Manifest | undefined {
  const manifest = new Map<string, string>();
  for (const line of text.split('\n').slice(0, -1)) {
    const [, hash, path] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? [];
    if (hash === undefined || path === undefined) return undefined;
    manifest.set(path, hash);
  }
  return manifestText(manifest) === text ? manifest : undefined;
}
