/** Lists of known deviations: what is red for a reason that has been written down. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { yaml } from '../sys/lazy-packages.js';
import { KNOWN_LISTS } from './package-info.js';
import { RED, type Verdict } from './results.js';
import { idMatcher } from './select.js';

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
  /** Where it is dealt with, e.g. a bug report. */
  readonly link?: string;
  /** How it is red; left out for any way. */
  readonly verdict?: Verdict;
  /** Bytes that are found, in hex; left out for any. */
  readonly bytes?: string;
  /** The last day, UTC, on which the entry counts, as YYYY-MM-DD. */
  readonly expires?: string;
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
/** What else an entry can have: what it must look like, and how to say so. */
const OPTIONAL = {
  link: {
    holds: (value) => /^https?:\/\/\S+$/.test(value),
    form: 'an address, e.g. https://example.org/bugs/1',
  },
  verdict: { holds: (value) => RED.has(value as Verdict), form: `one of ${[...RED].join(', ')}` },
  bytes: {
    holds: (value) => /^([0-9a-f]{2})+$/.test(value),
    form: 'bytes in lower-case hex without spaces, in quotes',
  },
  expires: { holds: isDate, form: 'a date in quotes, e.g. "2027-03-31"' },
} as const satisfies Readonly<Record<string, { holds: (value: string) => boolean; form: string }>>;

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
  const document = yaml().parseDocument(text);
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
  const keys: readonly string[] = ['id', ...TEXTS, 'modes', ...FLAGS, ...Object.keys(OPTIONAL)];
  const unknown = Object.keys(entry).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    throw new KnownListError(`${place} has the unknown key ${unknown}; it can have ${keys.join(', ')}`);
  const text = (key: string, value: unknown = entry[key]): string => {
    if (typeof value === 'string' && value.trim() === '')
      throw new KnownListError(`${place} (${describeId(entry.id)}): ${key} is not filled in`);
    if (typeof value !== 'string')
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
  const optional = Object.entries(OPTIONAL).flatMap(([key, { holds, form }]) => {
    const value = entry[key];
    if (value === undefined) return [];
    if (typeof value !== 'string' || !holds(value))
      throw new KnownListError(`${place}: ${key} must be ${form}, got ${JSON.stringify(value)}`);
    return [[key, value] as const];
  });
  const ids = Array.isArray(id) && id.length > 0 ? id.map((each) => text('id', each)) : [text('id')];
  const common = {
    ...Object.fromEntries(flags.map((flag) => [flag, true as const])),
    ...(modes && { modes }),
    from: text('from'),
    to: text('to'),
    reason: text('reason'),
    clause: text('clause'),
    observed: text('observed'),
    ...Object.fromEntries(optional),
  };
  return ids.map((each) => ({ id: each, ...common }));
}

function describeId(id: unknown): string {
  return typeof id === 'string' ? id : JSON.stringify(id);
}

function isDate(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // A day that the month does not have is moved to the next.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
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

/** The entries of a list that claim a version. */
export function claimedFor(list: KnownList | undefined, version: string): KnownDeviation[] {
  return (list?.deviations ?? []).filter(
    ({ from, to }) => compareVersions(from, version) <= 0 && compareVersions(version, to) <= 0,
  );
}

/** A result as the list sees it; standing checks have no mode. */
export type Listed = { readonly id: string; readonly mode?: string };

/** Whether an entry is about a result, whatever became of it. */
export const concerns = (deviation: KnownDeviation, { id, mode }: Listed): boolean =>
  deviation.id === id &&
  (deviation.modes === undefined || mode === undefined || idMatcher(deviation.modes)(mode));

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

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
