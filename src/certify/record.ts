/** A certification record: a folder of files, the manifest that lists them, and its signature. */
import type { KeyObject } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { showable } from '../report/control-characters.js';
import { writeReport } from '../report/report-file.js';
import { ownCovers } from '../run/own-covers.js';
import { requirements } from '../run/requirements.js';
import type { RunResults } from '../run/results.js';
import type { RecordConclusion, SuiteFacts } from './conclusion.js';
import { htmlOf, markdownOf } from './document.js';
import { fingerprint, signatureText } from './keys.js';
import { manifestText, sha256 } from './manifest.js';
import type { StoredPlaylist } from './playlist.js';
import { statementOf } from './statement.js';

/** The files of a record. */
export const RecordFile = {
  STATEMENT: 'CONFORMANCE.md',
  STATEMENT_PAGE: 'CONFORMANCE.html',
  RECORD: 'record.json',
  PLAYLIST: 'playlist.yaml',
  RESULTS: 'results.json',
  PAGE: 'results.html',
  /** A folder. */
  TRACES: 'traces',
  MANIFEST: 'MANIFEST.sha256',
  SIGNATURE: 'MANIFEST.sha256.sig',
} as const;

/** What the suite of this package knows of its cases and requirements. */
export function ownFacts(): SuiteFacts {
  const registry = requirements();
  return {
    covers: ownCovers(),
    isMandatory: (id) => {
      const entry = registry.get(id);
      const obliges = entry?.strength === 'MUST' || entry?.strength === 'MUST NOT';
      return obliges && entry.role === 'device' && entry.singleSource === undefined;
    },
  };
}

/** The files that follow from results, playlist and key alone, by name. */
export function derivedFiles(
  results: RunResults,
  playlist: StoredPlaylist,
  signer: string,
  facts: SuiteFacts,
): { readonly files: ReadonlyMap<string, string>; readonly conclusion: RecordConclusion } {
  const { document, conclusion } = statementOf({ results, playlist, facts, signer });
  const { verdict, untested, missing, failed, undecided } = conclusion;
  const { suite, environment, dut, seed, summary } = results;
  const record = {
    schemaVersion: 1,
    verdict,
    playlist: { name: playlist.name, sha256: playlist.hash, caseSet: playlist.caseSet },
    suite,
    environment,
    dut,
    seed,
    summary,
    failed: failed.length,
    undecided: undecided.length,
    missing,
    untested,
    signer: { algorithm: 'Ed25519', fingerprint: signer },
  };
  const files = new Map([
    [RecordFile.STATEMENT as string, markdownOf(document)],
    [RecordFile.STATEMENT_PAGE, htmlOf(document)],
    [RecordFile.RECORD, `${JSON.stringify(record, undefined, 2)}\n`],
    [RecordFile.PLAYLIST, playlist.text],
  ]);
  return { files, conclusion };
}

/** Something in the folder is nothing that a record consists of. */
export class StrangeFileError extends Error {
  readonly path: string;
  /** What it is, or is not, in words that follow "is". */
  readonly what: string;
  constructor(path: string, what: string) {
    super(`${path} is ${what}`);
    this.path = path;
    this.what = what;
  }
}

/**
 * Every file below a folder, with `/` between the parts of its path. Throws StrangeFileError, also for an empty folder,
 * which no manifest could list; that of the traces alone may be empty.
 */
export function filesBelow(folder: string, prefix = ''): string[] {
  const names = readdirSync(join(folder, prefix));
  if (names.length === 0 && prefix !== '' && prefix !== RecordFile.TRACES)
    throw new StrangeFileError(prefix, 'an empty folder, of which the signature knows nothing');
  return names.flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stats = lstatSync(join(folder, path));
    if (stats.isDirectory()) return filesBelow(folder, path);
    if (!stats.isFile()) throw new StrangeFileError(path, 'no plain file');
    return [path];
  });
}

/**
 * Completes a record that holds results, page and traces: statement, playlist, manifest, and last of all the signature.
 * Throws ReportError.
 */
export function finishRecord(
  folder: string,
  results: RunResults,
  playlist: StoredPlaylist,
  key: KeyObject,
  facts: SuiteFacts = ownFacts(),
): RecordConclusion {
  // Whoever checks the record reads the results from their file.
  const { files, conclusion } = derivedFiles(showable(results), playlist, fingerprint(key), facts);
  for (const [name, text] of files) writeReport(join(folder, name), text);
  signRecord(folder, key);
  return conclusion;
}

/** Lists the files that are there, and signs the list. Throws ReportError. */
export function signRecord(folder: string, key: KeyObject): void {
  const listed = filesBelow(folder).filter(
    (path) => path !== RecordFile.MANIFEST && path !== RecordFile.SIGNATURE,
  );
  const hashes = listed.map((path) => [path, sha256(readFileSync(join(folder, path)))] as const);
  const manifest = manifestText(new Map(hashes));
  writeReport(join(folder, RecordFile.MANIFEST), manifest);
  writeReport(join(folder, RecordFile.SIGNATURE), signatureText(Buffer.from(manifest), key));
}
