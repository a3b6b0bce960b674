/** Checking a certification record again, from its files and a public key alone. */
import type { KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { htmlText } from '../report/html.js';
import { parseResults } from '../report/read-results.js';
import { ResultsFileError } from '../report/results-file-error.js';
import { SUITE_VERSION } from '../run/package-info.js';
import type { CaseResult, RunResults } from '../run/results.js';
import { baseOf } from '../run/select.js';
import { traceName } from '../run/trace.js';
import type { RecordVerdict, SuiteFacts } from './conclusion.js';
import { fingerprint, isSignature } from './keys.js';
import { type Manifest, parseManifest, sha256 } from './manifest.js';
import { ownPlaylist, PlaylistError, parsePlaylist, type StoredPlaylist } from './playlist.js';
import { derivedFiles, filesBelow, ownFacts, RecordFile, StrangeFileError } from './record.js';

/** What is wrong, with the file in which it shows. */
export interface Problem {
  readonly file: string;
  readonly what: string;
}

export interface Verification {
  /** None in a sound record. */
  readonly problems: readonly Problem[];
  /** What the record concludes, where it is sound. */
  readonly verdict?: RecordVerdict;
  /** What was not looked at, and why. */
  readonly notes: readonly string[];
}

/** What a record is held against besides itself. */
export interface Reference {
  readonly version: string;
  readonly playlist: (name: string) => StoredPlaylist | undefined;
  readonly facts: () => SuiteFacts;
}

const OWN: Reference = { version: SUITE_VERSION, playlist: ownPlaylist, facts: () => ownFacts() };

/** Ends at the first step that finds problems: what comes later rests on what came before. */
export function verifyRecord(folder: string, key: KeyObject, reference: Reference = OWN): Verification {
  const refused = (...problems: readonly Problem[]): Verification => ({ problems, notes: [] });
  let there: string[];
  try {
    there = filesBelow(folder);
  } catch (error) {
    if (error instanceof StrangeFileError) return refused({ file: error.path, what: `is ${error.what}` });
    return refused({ file: folder, what: `is no record: ${error instanceof Error ? error.message : error}` });
  }
  const signed = checkSignature(folder, there, key);
  if ('what' in signed) return refused(signed);
  const changed = checkFiles(folder, there, signed.manifest);
  if (changed.length > 0) return refused(...changed);
  return checkContents(folder, new Set(there), key, reference);
}

function textOf(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

function checkSignature(
  folder: string,
  there: readonly string[],
  key: KeyObject,
): Problem | { readonly manifest: Manifest } {
  const { MANIFEST, SIGNATURE } = RecordFile;
  for (const file of [MANIFEST, SIGNATURE])
    if (!there.includes(file))
      return { file, what: 'is missing: the record is not signed, as one that was interrupted' };
  const manifest = textOf(folder, MANIFEST);
  const parsed = parseManifest(manifest);
  if (!isSignature(textOf(folder, SIGNATURE), readFileSync(join(folder, MANIFEST)), key))
    return {
      file: parsed === undefined ? MANIFEST : SIGNATURE,
      what: `${SIGNATURE} is not the signature of ${MANIFEST} by the key with the fingerprint ${fingerprint(key)}: one of the two was changed, or another key signed`,
    };
  return parsed === undefined ? { file: MANIFEST, what: 'is no list of hashes' } : { manifest: parsed };
}

function checkFiles(folder: string, there: readonly string[], manifest: Manifest): Problem[] {
  const own: ReadonlySet<string> = new Set([RecordFile.MANIFEST, RecordFile.SIGNATURE]);
  const missing = [...manifest.keys()].filter((path) => !there.includes(path));
  const added = there.filter((path) => !own.has(path) && !manifest.has(path));
  const changed = there.filter((path) => {
    const hash = manifest.get(path);
    return hash !== undefined && hash !== sha256(readFileSync(join(folder, path)));
  });
  return [
    ...missing.map((file) => ({ file, what: 'is missing' })),
    ...added.map((file) => ({ file, what: 'was added after the signature' })),
    ...changed.map((file) => ({ file, what: 'was changed after the signature' })),
  ];
}

/** How the trace of a case is written. */
const TRACE_FORMS = ['txt', 'jsonl'] as const;

const traceFile = (result: CaseResult, form: (typeof TRACE_FORMS)[number]): string =>
  `${RecordFile.TRACES}/${traceName(result)}.${form}`;

/** Whoever signs may be mistaken, or lie: what the files say has to fit together. */
function checkContents(
  folder: string,
  there: ReadonlySet<string>,
  key: KeyObject,
  reference: Reference,
): Verification {
  const needed = [
    RecordFile.STATEMENT,
    RecordFile.STATEMENT_PAGE,
    RecordFile.RECORD,
    RecordFile.PLAYLIST,
    RecordFile.RESULTS,
    RecordFile.PAGE,
  ];
  const lacking = needed.filter((file) => !there.has(file));
  if (lacking.length > 0)
    return { problems: lacking.map((file) => ({ file, what: 'is missing' })), notes: [] };
  const problems: Problem[] = [];
  const wrong = (file: string, what: string) => void problems.push({ file, what });
  let results: RunResults;
  let page: () => string;
  let playlist: StoredPlaylist;
  try {
    const stored = parseResults(RecordFile.RESULTS, textOf(folder, RecordFile.RESULTS));
    if (stored.format !== 'json')
      return { problems: [{ file: RecordFile.RESULTS, what: 'is not in the form json' }], notes: [] };
    results = stored.results;
    page = () => htmlText([stored]);
    playlist = parsePlaylist(textOf(folder, RecordFile.PLAYLIST));
  } catch (error) {
    if (error instanceof ResultsFileError)
      return { problems: [{ file: RecordFile.RESULTS, what: error.message }], notes: [] };
    if (!(error instanceof PlaylistError)) throw error;
    return { problems: [{ file: RecordFile.PLAYLIST, what: error.message }], notes: [] };
  }
  const { suite, cases, interrupted } = results;
  if (interrupted) wrong(RecordFile.RESULTS, 'is of a run that was interrupted');
  if (suite.caseSetHash !== playlist.caseSet.sha256)
    wrong(RecordFile.RESULTS, `is of the case set ${suite.caseSetHash}, not of that of the playlist`);
  const ran = new Set(cases.map(({ id }) => baseOf(id)));
  const named = new Set(playlist.cases);
  for (const id of named) if (!ran.has(id)) wrong(RecordFile.RESULTS, `has no result of the case ${id}`);
  for (const id of ran)
    if (!named.has(id)) wrong(RecordFile.RESULTS, `has a case that the playlist does not name: ${id}`);
  for (const result of cases) {
    const trace = traceFile(result, 'txt');
    if (result.verdict === 'fail' && !there.has(trace)) wrong(trace, `is missing: the trace of ${result.id}`);
  }
  if (suite.version !== reference.version) {
    const note = `the record was made by version ${suite.version} of the suite, this is ${reference.version}: whether its playlist is that of the suite, and whether the statement follows from the results, was not looked at; version ${suite.version} can`;
    return { problems, notes: [note] };
  }
  const own: ReadonlySet<string> = new Set([...needed, RecordFile.MANIFEST, RecordFile.SIGNATURE]);
  const traces = new Set(cases.flatMap((result) => TRACE_FORMS.map((form) => traceFile(result, form))));
  for (const file of there)
    if (!own.has(file) && !traces.has(file))
      wrong(file, 'is no part of a record: certify leaves no such file');
  if (reference.playlist(playlist.name)?.hash !== playlist.hash)
    wrong(RecordFile.PLAYLIST, `is not the playlist ${playlist.name} of the suite`);
  const { files, conclusion } = derivedFiles(results, playlist, fingerprint(key), reference.facts());
  for (const [file, text] of [...files, [RecordFile.PAGE, page()] as const])
    if (textOf(folder, file) !== text) wrong(file, 'does not say what follows from the results');
  return { problems, notes: [], ...(problems.length === 0 && { verdict: conclusion.verdict }) };
}

/** Whether there is such a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
