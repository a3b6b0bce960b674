/** What results of a playlist add up to. A pure function of both: whoever checks a record comes to the same. */
import { resultKey } from '../run/modes.js';
import type { CaseResult, RunResults, SkipKind, StandingResult } from '../run/results.js';
import { baseOf } from '../run/select.js';
import type { Playlist } from './playlist.js';

/** `INCOMPLETE`: nothing is broken as far as could be seen, and something mandatory could not be looked at. */
export type RecordVerdict = 'CONFORMANT' | 'NOT CONFORMANT' | 'INCOMPLETE';

/** What is known of the cases and requirements of the suite. */
export interface SuiteFacts {
  /** Requirements that each case covers, by its id as written. */
  readonly covers: ReadonlyMap<string, readonly string[]>;
  /** Whether a requirement obliges every device. */
  readonly isMandatory: (requirement: string) => boolean;
}

/** Skips that say nothing about the device: the means to look were missing. The others are what it does not offer. */
const FOR_WANT_OF_MEANS: ReadonlySet<SkipKind> = new Set([
  'no-control',
  'no-layer',
  'not-consented',
  'known-fatal',
]);

export interface Untested {
  readonly requirement: string;
  /** Why its cases were skipped. */
  readonly reasons: readonly string[];
}

export interface RecordConclusion {
  readonly verdict: RecordVerdict;
  /** Results in which the device fails, and standing checks that it breaks. */
  readonly failed: readonly CaseResult[];
  readonly broken: readonly StandingResult[];
  /** Results of which the suite could make nothing. */
  readonly undecided: readonly CaseResult[];
  /** Ids of the playlist without any result. */
  readonly missing: readonly string[];
  /** Mandatory requirements of the playlist that no result is about, for want of means. */
  readonly untested: readonly Untested[];
  /** Why results were skipped, with how many, the commonest reason first. */
  readonly skipped: readonly { readonly reason: string; readonly count: number }[];
}

const FAILED: ReadonlySet<string> = new Set(['fail', 'crash', 'hang']);

export function conclude(results: RunResults, playlist: Playlist, facts: SuiteFacts): RecordConclusion {
  const { cases, standing } = results;
  const byCase = new Map<string, CaseResult[]>();
  for (const result of cases) {
    const base = baseOf(result.id);
    byCase.set(base, [...(byCase.get(base) ?? []), result]);
  }
  const failed = cases.filter(({ verdict }) => FAILED.has(verdict));
  const broken = standing.filter(({ verdict }) => verdict === 'fail');
  const undecided = cases.filter(({ verdict }) => verdict === 'error');
  const missing = playlist.cases.filter((id) => !byCase.has(id));
  const untested = untestedOf(playlist, byCase, facts);
  const incomplete = undecided.length + missing.length + untested.length > 0 || results.interrupted;
  return {
    verdict: failed.length + broken.length > 0 ? 'NOT CONFORMANT' : incomplete ? 'INCOMPLETE' : 'CONFORMANT',
    failed,
    broken,
    undecided,
    missing,
    untested,
    skipped: skippedOf(cases),
  };
}

function untestedOf(
  { cases }: Playlist,
  byCase: ReadonlyMap<string, readonly CaseResult[]>,
  { covers, isMandatory }: SuiteFacts,
): Untested[] {
  const byRequirement = new Map<string, CaseResult[]>();
  for (const id of cases)
    for (const requirement of covers.get(id) ?? []) {
      const group = byRequirement.get(requirement) ?? [];
      byRequirement.set(requirement, group);
      group.push(...(byCase.get(id) ?? []));
    }
  return [...byRequirement]
    .filter(([requirement, found]) => {
      if (!isMandatory(requirement) || found.some(({ verdict }) => verdict !== 'skip')) return false;
      return found.some(({ skip }) => skip !== undefined && FOR_WANT_OF_MEANS.has(skip.kind));
    })
    .map(([requirement, found]) => ({ requirement, reasons: [...new Set(found.map(reasonOf))].sort() }))
    .sort((a, b) => (a.requirement < b.requirement ? -1 : 1));
}

const reasonOf = ({ skip }: CaseResult) => (skip === undefined ? '' : `${skip.kind}: ${skip.evidence}`);

function skippedOf(cases: readonly CaseResult[]): RecordConclusion['skipped'] {
  const counts = new Map<string, number>();
  for (const result of cases)
    if (result.skip) counts.set(reasonOf(result), (counts.get(reasonOf(result)) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** Names of results, each once. */
export const keysOf = (results: readonly CaseResult[]): string[] => [...new Set(results.map(resultKey))];
