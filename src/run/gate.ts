/**
 * The gate: how results stand to a list of known deviations. The same rules for a run that has just ended and for
 * results that are read from a file.
 */
import { claimedFor, concerns, type KnownDeviation, type KnownList, type Listed } from './known.js';
import { resultKey } from './modes.js';
import { type CaseResult, RED, type RunResults, type StandingResult, type Verdict } from './results.js';
import { baseOf, idMatcher } from './select.js';

/** How results stand to a list. A result is named as by `resultKey`, a standing check as `standing:CHECK`. */
export interface Gate {
  /** Red results that the list explains. */
  readonly known: readonly string[];
  /** How many entries of the list explain them. */
  readonly deviations: number;
  /** Red results that nothing explains. */
  readonly unexpected: readonly string[];
  /** Of those: what is listed, but not as it is. */
  readonly differs: readonly Differing[];
  /** Entries that claim this version and are red no longer, or match nothing in a complete run. */
  readonly stale: readonly string[];
  /** Of those: what ran and is red no longer. */
  readonly passed: readonly string[];
  /** Entries whose date is past, though they would explain something still. */
  readonly expired: readonly string[];
  /** Results whose entries say that they are red but sometimes. They count neither way, as long as they ran. */
  readonly flaky: readonly { readonly id: string; readonly red: boolean }[];
  /** What a reader should know, e.g. that the list says nothing about this version. */
  readonly remarks: readonly string[];
}

/** A red result that an entry names, and expects to be red in another way. */
export interface Differing {
  readonly id: string;
  readonly expected: string;
  readonly got: string;
}

/** Nothing to tell. */
export const EMPTY_GATE: Gate = {
  known: [],
  deviations: 0,
  unexpected: [],
  differs: [],
  stale: [],
  passed: [],
  expired: [],
  flaky: [],
  remarks: [],
};

/** What the rules see of a result or of a standing check. */
interface Row extends Listed {
  readonly verdict: Verdict;
  /** What it was called by. */
  readonly key: string;
  readonly heldBack: boolean;
  /** The bytes that were found wrong, in hex. */
  readonly bytes: readonly string[];
}

function rowOf(result: CaseResult): Row {
  const { id, mode, verdict, skip, findings } = result;
  const bytes = findings.flatMap(({ gotBytes }) => gotBytes ?? []);
  return { id, mode, verdict, key: resultKey(result), heldBack: skip?.kind === 'known-fatal', bytes };
}

function standingRowOf({ check, verdict, firstExample }: StandingResult): Row {
  const [id, bytes] = [`standing:${check}`, firstExample?.bytes];
  return { id, verdict, key: id, heldBack: false, bytes: bytes === undefined ? [] : [bytes] };
}

/** The entry that explains a red result, if any. */
export function knownDeviation(
  list: KnownList | undefined,
  version: string,
  result: CaseResult,
  today: string,
): KnownDeviation | undefined {
  const row = rowOf(result);
  return claimedFor(list, version).find(
    (entry) => concerns(entry, row) && isInForce(entry, today) && isAsExpected(entry, row),
  );
}

function isInForce({ expires }: KnownDeviation, today: string): boolean {
  return expires === undefined || expires >= today;
}

/**
 * Compares results with a list. `complete`: the run was not narrowed to a selection, so an entry that matched nothing
 * is an entry that is wrong. A case that ran and is red no longer, in any of the modes that the entry is about, is stale
 * in any run, unless it is red but sometimes. `today`: the date by which entries expire, as YYYY-MM-DD.
 */
export function gate(
  results: RunResults,
  list: KnownList | undefined,
  complete: boolean,
  today: string,
): Gate {
  const { name, version } = results.dut;
  const claimed = claimedFor(list, version);
  const byId = new Map<string, KnownDeviation[]>();
  for (const deviation of claimed) byId.set(deviation.id, [...(byId.get(deviation.id) ?? []), deviation]);
  /** Entries about something that is red, or that was held back, in whatever way they are about it. */
  const touched = new Set<KnownDeviation>();
  const explains = new Set<KnownDeviation>();
  const executed = new Set<KnownDeviation>();
  const expired = new Set<KnownDeviation>();
  const [known, unexpected]: [string[], string[]] = [[], []];
  const differs: Differing[] = [];
  const flaky: Gate['flaky'][number][] = [];
  const rows = [...results.cases.map(rowOf), ...results.standing.map(standingRowOf)];
  for (const row of rows) {
    const red = RED.has(row.verdict);
    const entries = (byId.get(row.id) ?? []).filter((deviation) => concerns(deviation, row));
    if (row.verdict !== 'skip') for (const entry of entries) executed.add(entry);
    const sometimes = entries.length > 0 && entries.every((entry) => entry.sometimes);
    if (sometimes && row.verdict !== 'skip') flaky.push({ id: row.key, red });
    // What is held back is a deviation all the same: the device would not have survived it.
    if (!red && !row.heldBack) continue;
    for (const entry of entries) touched.add(entry);
    const inForce = entries.filter((entry) => isInForce(entry, today));
    for (const entry of entries) if (inForce.length === 0) expired.add(entry);
    const asExpected = inForce.filter((entry) => row.heldBack || isAsExpected(entry, row));
    for (const entry of asExpected) explains.add(entry);
    if (!red) continue;
    const [other] = inForce;
    if (asExpected.length > 0) known.push(row.key);
    else unexpected.push(row.key);
    if (asExpected.length === 0 && other !== undefined)
      differs.push({ id: row.key, expected: expectationOf(other), got: describe(row, other) });
  }
  const isStale = staleness(results, rows, complete, { touched, executed });
  const stale = claimed.filter(isStale);
  return {
    known,
    deviations: explains.size,
    unexpected,
    differs,
    stale: stale.map(({ id }) => id),
    passed: stale.filter((entry) => executed.has(entry)).map(({ id }) => id),
    expired: [...expired].map(({ id, expires }) => `${id} (${expires})`),
    flaky,
    remarks:
      list !== undefined && claimed.length === 0
        ? [`${list.file} lists no deviation for ${name} ${version}`]
        : [],
  };
}

function isAsExpected({ verdict, bytes }: KnownDeviation, row: Row): boolean {
  return (
    (verdict === undefined || verdict === row.verdict) && (bytes === undefined || row.bytes.includes(bytes))
  );
}

function expectationOf({ verdict, bytes }: KnownDeviation): string {
  const theBytes = bytes === undefined ? [] : [`the bytes ${bytes}`];
  return [...(verdict === undefined ? [] : [verdict]), ...theBytes].join(' with ');
}

function describe({ verdict, bytes }: Row, { bytes: expected }: KnownDeviation): string {
  if (expected === undefined) return verdict;
  return bytes.length === 0 ? `${verdict} without bytes` : `${verdict} with the bytes ${bytes.join(' and ')}`;
}

/** Whether an entry is out of date: it names what is red no longer, or nothing that there is. */
function staleness(
  { cases }: RunResults,
  rows: readonly Row[],
  complete: boolean,
  { touched, executed }: Readonly<Record<'touched' | 'executed', ReadonlySet<KnownDeviation>>>,
): (entry: KnownDeviation) => boolean {
  const named = new Set(rows.map(({ id }) => id));
  /** Ids of cases that were skipped before their axes were known: one row for all their expansions. */
  const skipped = new Set(cases.filter(({ verdict }) => verdict === 'skip').map(({ id }) => id));
  const modesOfBase = new Map<string, Set<string>>();
  for (const { id, mode } of cases)
    modesOfBase.set(baseOf(id), (modesOfBase.get(baseOf(id)) ?? new Set()).add(mode));
  /** Facts, and with them the expansions of a case, may differ by the transport: those of another mode say nothing. */
  const expanded = ({ id, modes }: KnownDeviation): boolean => {
    const ran = modesOfBase.get(baseOf(id));
    return modes === undefined || ran === undefined || [...ran].some(idMatcher(modes));
  };
  return (entry) => {
    if (touched.has(entry) || (entry.sometimes && executed.has(entry))) return false;
    // How often a standing check is decided depends on what was selected.
    if (entry.id.startsWith('standing:')) return complete && executed.has(entry);
    if (executed.has(entry)) return true;
    return complete && !named.has(entry.id) && !skipped.has(baseOf(entry.id)) && expanded(entry);
  };
}

/** The day after which entries of that date have expired, as a list writes it: UTC. */
export function today(now: Date = new Date()): string {
  return now.toISOString().slice(0, 10);
}

/** The last word about a device of which nothing red is left that is not listed. */
export const conformantBut = (deviations: number): string =>
  deviations === 0
    ? 'CONFORMANT'
    : `CONFORMANT BUT FOR ${deviations} KNOWN DEVIATION${deviations === 1 ? '' : 'S'}`;

/** Ids of what a gate does not let pass: red results that nothing explains, and entries that are out of date. */
export function offences({ unexpected, stale, expired }: Gate): readonly string[] {
  return [...unexpected, ...stale, ...expired];
}
