/** Lists of known deviations: what is red for a reason that has been written down. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { resultKey } from './modes.js';
import { KNOWN_LISTS } from './package-info.js';
import { type CaseResult, RED, type RunResults } from './results.js';
import { baseOf, idMatcher } from './select.js';

/** One known deviation. */
export interface KnownDeviation {
  /** Exact case id, or `standing:` and the name of a standing check. */
  readonly id: string;
  /** The device does not survive: such cases are carried out only when asked for. */
  readonly fatal?: true;
  /** Whether it shows depends on timing: a pass does not make the entry stale. */
  readonly sometimes?: true;
  /** Names or globs of the modes in which it is claimed; left out for any. */
  readonly modes?: readonly string[];
  /** Versions of the device for which this is claimed, both inclusive. */
  readonly from: string;
  readonly to: string;
  /** What the device does, and why that departs from the standard. */
  readonly reason: string;
  /** Where the standard says so. */
  readonly clause: string;
  /** The bytes or values that were seen. */
  readonly observed: string;
}

/** The list for one device. */
export interface KnownList {
  readonly file: string;
  /** Family of the device, as in its identity. */
  readonly dut: string;
  readonly deviations: readonly KnownDeviation[];
}

/** The list cannot be read. Exit code 2. */
export class KnownListError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KnownListError';
  }
}

const TEXTS = ['from', 'to', 'reason', 'clause', 'observed'] as const;
const FLAGS = ['fatal', 'sometimes'] as const;

/** Reads a list. Throws KnownListError, naming file, entry and what is missing. */
export function loadKnownList(file: string): KnownList {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new KnownListError(
      `${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem)
    throw new KnownListError(`${file}:${problem.linePos?.[0].line ?? 1} ${problem.message.split('\n')[0]}`);
  const root: unknown = document.toJS();
  if (!isRecord(root) || typeof root.dut !== 'string' || !Array.isArray(root.deviations))
    throw new KnownListError(`${file}: expected a map with dut (a name) and deviations (a list)`);
  const deviations = root.deviations.flatMap((entry: unknown, i) =>
    readEntry(entry, `${file}: deviation ${i + 1}`),
  );
  return { file, dut: root.dut, deviations };
}

/** An entry is about one id, or about several for the same reason. */
function readEntry(entry: unknown, place: string): KnownDeviation[] {
  if (!isRecord(entry)) throw new KnownListError(`${place} is not a map`);
  const keys: readonly string[] = ['id', ...TEXTS, 'modes', ...FLAGS];
  const unknown = Object.keys(entry).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    throw new KnownListError(`${place} has the unknown key ${unknown}; it can have ${keys.join(', ')}`);
  const text = (key: string, value: unknown = entry[key]): string => {
    if (typeof value !== 'string' || value.trim() === '')
      throw new KnownListError(
        `${place}: ${key} must be a text (versions in quotes), got ${JSON.stringify(value) ?? 'nothing'}`,
      );
    return value.trim();
  };
  const { id, modes } = entry;
  if (modes !== undefined && !(Array.isArray(modes) && modes.every((each) => typeof each === 'string')))
    throw new KnownListError(`${place}: modes must be a list of names or globs, e.g. [pci.packed*]`);
  const flags = FLAGS.filter((flag) => entry[flag] !== undefined);
  for (const flag of flags)
    if (entry[flag] !== true) throw new KnownListError(`${place}: ${flag} can only be true`);
  const ids = Array.isArray(id) && id.length > 0 ? id.map((each) => text('id', each)) : [text('id')];
  const common = {
    ...Object.fromEntries(flags.map((flag) => [flag, true as const])),
    ...(modes && { modes }),
    from: text('from'),
    to: text('to'),
    reason: text('reason'),
    clause: text('clause'),
    observed: text('observed'),
  };
  return ids.map((each) => ({ id: each, ...common }));
}

/** Compares dotted versions number by number; parts that are missing, or are no numbers, count as 0. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => version.split(/[.+-]/).map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** How results stand to a list. A result is named as by `resultKey`, a standing check as `standing:CHECK`. */
export interface Gate {
  /** Red results that the list explains. */
  readonly known: readonly string[];
  /** How many entries of the list explain them. */
  readonly deviations: number;
  /** Red results that nothing explains. */
  readonly unexpected: readonly string[];
  /** Entries that claim this version and are red no longer, or match nothing in a complete run. */
  readonly stale: readonly string[];
  /** What a reader should know, e.g. that the list says nothing about this version. */
  readonly remarks: readonly string[];
}

/** The entries of a list that claim a version. */
function claimedFor(list: KnownList | undefined, version: string): KnownDeviation[] {
  return (list?.deviations ?? []).filter(
    ({ from, to }) => compareVersions(from, version) <= 0 && compareVersions(version, to) <= 0,
  );
}

/** A result as the list sees it; standing checks have no mode. */
type Listed = { readonly id: string; readonly mode?: string };

const concerns = (deviation: KnownDeviation, { id, mode }: Listed): boolean =>
  deviation.id === id &&
  (deviation.modes === undefined || mode === undefined || idMatcher(deviation.modes)(mode));

/** The entry that explains a result, if any. */
export function knownDeviation(
  list: KnownList | undefined,
  version: string,
  result: Listed,
): KnownDeviation | undefined {
  return claimedFor(list, version).find((deviation) => concerns(deviation, result));
}

/** A case that is not carried out unasked, because the device does not survive it. */
export interface HeldBack {
  readonly id: string;
  readonly modes?: readonly string[];
  readonly reason: string;
}

/** The list that comes with the suite for a kind of device. Throws KnownListError. */
export function shippedKnownList(dut: string): KnownList | undefined {
  const own = join(KNOWN_LISTS, `${dut}.yaml`);
  return existsSync(own) ? loadKnownList(own) : undefined;
}

/** What a list holds back from a device of this version. */
export function heldBack(list: KnownList | undefined, version: string): HeldBack[] {
  return claimedFor(list, version)
    .filter(({ fatal }) => fatal)
    .map(({ id, modes, reason }) => ({ id, ...(modes && { modes }), reason }));
}

/** The first that holds a case back in a mode, if any. */
export function holdsBack(all: readonly HeldBack[], id: string, mode: string): HeldBack | undefined {
  return all.find((each) => each.id === id && (each.modes === undefined || idMatcher(each.modes)(mode)));
}

/**
 * Compares results with a list. `complete`: the run was not narrowed to a selection, so an entry that matched nothing
 * is an entry that is wrong. A case that ran and is red no longer, in any of the modes that the entry is about, is stale
 * in any run, unless it is red but sometimes.
 */
export function gate(results: RunResults, list: KnownList | undefined, complete: boolean): Gate {
  const standing = results.standing.map(({ check, verdict }) => ({
    id: `standing:${check}`,
    verdict,
  }));
  const rows: readonly (Listed & Pick<CaseResult, 'verdict' | 'skip'>)[] = [...results.cases, ...standing];
  const key = ({ id, mode }: Listed) => (mode === undefined ? id : resultKey({ id, mode }));
  const { version } = results.dut;
  const claimed = claimedFor(list, version);
  const remarks: string[] = [];
  if (list && claimed.length === 0)
    remarks.push(`${list.file} lists no deviation for ${results.dut.name} ${version}`);
  const byId = new Map<string, KnownDeviation[]>();
  for (const deviation of claimed) byId.set(deviation.id, [...(byId.get(deviation.id) ?? []), deviation]);
  const explains = new Set<KnownDeviation>();
  const executed = new Set<KnownDeviation>();
  const known: string[] = [];
  const unexpected: string[] = [];
  for (const row of rows) {
    const red = RED.has(row.verdict);
    const entries = (byId.get(row.id) ?? []).filter((deviation) => concerns(deviation, row));
    if (row.verdict !== 'skip') for (const entry of entries) executed.add(entry);
    // What is held back is a deviation all the same: the device would not have survived it.
    const heldBack = row.skip?.kind === 'known-fatal';
    if (red || heldBack) for (const entry of entries) explains.add(entry);
    if (!red) continue;
    (entries.length > 0 ? known : unexpected).push(key(row));
  }
  const named = new Set(rows.map(({ id }) => id));
  /** Ids of cases that were skipped before their axes were known: one row for all their expansions. */
  const skipped = new Set(results.cases.filter(({ verdict }) => verdict === 'skip').map(({ id }) => id));
  const modesOfBase = new Map<string, Set<string>>();
  for (const { id, mode } of results.cases)
    modesOfBase.set(baseOf(id), (modesOfBase.get(baseOf(id)) ?? new Set()).add(mode));
  /** Facts, and with them the expansions of a case, may differ by the transport: those of another mode say nothing. */
  const expanded = ({ id, modes }: KnownDeviation): boolean => {
    const ran = modesOfBase.get(baseOf(id));
    return modes === undefined || ran === undefined || [...ran].some(idMatcher(modes));
  };
  const stale = claimed.filter((entry) => {
    if (explains.has(entry) || (entry.sometimes && executed.has(entry))) return false;
    // How often a standing check is decided depends on what was selected.
    if (entry.id.startsWith('standing:')) return complete && executed.has(entry);
    if (executed.has(entry)) return true;
    return complete && !named.has(entry.id) && !skipped.has(baseOf(entry.id)) && expanded(entry);
  });
  return { known, deviations: explains.size, unexpected, stale: stale.map(({ id }) => id), remarks };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
