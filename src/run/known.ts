/** Lists of known deviations: what is red for a reason that has been written down. */
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { RED, type RunResults } from './results.js';

/** One known deviation. */
export interface KnownDeviation {
  /** Exact case id, or `standing:` and the name of a standing check. */
  readonly id: string;
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

const KEYS = ['id', 'from', 'to', 'reason', 'clause', 'observed'] as const;

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
  const deviations = root.deviations.map((entry: unknown, i): KnownDeviation => {
    const place = `${file}: deviation ${i + 1}`;
    if (!isRecord(entry)) throw new KnownListError(`${place} is not a map`);
    const unknown = Object.keys(entry).find((key) => !(KEYS as readonly string[]).includes(key));
    if (unknown !== undefined)
      throw new KnownListError(`${place} has the unknown key ${unknown}; it can have ${KEYS.join(', ')}`);
    const text = (key: (typeof KEYS)[number]): string => {
      const value = entry[key];
      if (typeof value !== 'string' || value.trim() === '')
        throw new KnownListError(
          `${place}: ${key} must be a text (versions in quotes), got ${JSON.stringify(value) ?? 'nothing'}`,
        );
      return value.trim();
    };
    return {
      id: text('id'),
      from: text('from'),
      to: text('to'),
      reason: text('reason'),
      clause: text('clause'),
      observed: text('observed'),
    };
  });
  return { file, dut: root.dut, deviations };
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

/** How results stand to a list. */
export interface Gate {
  /** Red ids that the list explains. */
  readonly known: readonly string[];
  /** Red ids that nothing explains. */
  readonly unexpected: readonly string[];
  /** Entries that claim this version and are red no longer, or match nothing in a complete run. */
  readonly stale: readonly string[];
  /** What a reader should know, e.g. that the list says nothing about this version. */
  readonly remarks: readonly string[];
}

/** The entries of a list that claim a version. */
export function claimedFor(list: KnownList | undefined, version: string): KnownDeviation[] {
  return (list?.deviations ?? []).filter(
    ({ from, to }) => compareVersions(from, version) <= 0 && compareVersions(version, to) <= 0,
  );
}

/**
 * Compares results with a list. `complete`: the run was not narrowed to a selection, so an entry that matched nothing
 * is an entry that is wrong. A case that ran and is red no longer is stale in any run.
 */
export function gate(results: RunResults, list: KnownList | undefined, complete: boolean): Gate {
  const named = new Set(results.cases.map(({ id }) => id));
  const executed = new Set(results.cases.filter(({ verdict }) => verdict !== 'skip').map(({ id }) => id));
  const red = new Set(results.cases.filter(({ verdict }) => RED.has(verdict)).map(({ id }) => id));
  for (const row of results.standing) {
    executed.add(`standing:${row.check}`);
    if (row.verdict === 'fail') red.add(`standing:${row.check}`);
  }
  const { version } = results.dut;
  const claimed = claimedFor(list, version);
  const explained = new Set(claimed.map(({ id }) => id));
  const remarks: string[] = [];
  if (list && claimed.length === 0)
    remarks.push(`${list.file} lists no deviation for ${results.dut.name} ${version}`);
  return {
    known: [...red].filter((id) => explained.has(id)),
    unexpected: [...red].filter((id) => !explained.has(id)),
    stale: [...explained].filter((id) => {
      if (red.has(id)) return false;
      // How often a standing check is decided depends on what was selected.
      if (id.startsWith('standing:')) return complete && executed.has(id);
      return executed.has(id) || (complete && !named.has(id));
    }),
    remarks,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
