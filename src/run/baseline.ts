/** Comparing results with those of an earlier run: what is new, what is fixed, and what has got worse. */
import { resultKey } from './modes.js';
import { BY_WEIGHT, type CaseResult, RED, type RunResults, type Verdict } from './results.js';

/** One id of which something is not as it was. */
export interface Change {
  readonly id: string;
  /** Undefined where there was none. */
  readonly before: Verdict | undefined;
  /** Undefined where there is none. */
  readonly now: Verdict | undefined;
  /** `bytes`: as red as before, with other bytes; `time`: it takes much more or less time. */
  readonly kind: 'regression' | 'fixed' | 'new' | 'gone' | 'changed' | 'bytes' | 'time';
  /** What was, and what is, where the verdicts do not tell. */
  readonly detail?: readonly [before: string, now: string];
}

/** Such a factor, and so many milliseconds, are no chance. */
const TIME_FACTOR = 3;
const TIME_MS = 100;

type Compared = Pick<RunResults, 'cases' | 'standing'>;
/** What is compared of a result; standing rows have a verdict alone. */
type Row = Pick<CaseResult, 'verdict' | 'durationMs' | 'findings'>;

function rowsById({ cases, standing }: Compared): Map<string, Row> {
  return new Map<string, Row>([
    ...cases.map((result) => [resultKey(result), result] as const),
    ...standing.map(
      ({ check, verdict }) => [`standing:${check}`, { verdict, durationMs: 0, findings: [] }] as const,
    ),
  ]);
}

/** `complete`: the run was not narrowed, so what it does not have is gone. */
export function compareWithBaseline(results: Compared, baseline: Compared, complete: boolean): Change[] {
  const [earlier, now] = [rowsById(baseline), rowsById(results)];
  const changes = [...now].flatMap(([id, row]): Change[] => {
    const before = earlier.get(id);
    if (before?.verdict !== row.verdict)
      return [{ id, before: before?.verdict, now: row.verdict, kind: kindOf(before?.verdict, row.verdict) }];
    const { verdict } = row;
    const changed = (kind: Change['kind'], detail: Change['detail']): Change[] =>
      detail === undefined ? [] : [{ id, before: verdict, now: verdict, kind, detail }];
    return [...changed('bytes', otherBytes(before, row)), ...changed('time', otherTime(before, row))];
  });
  if (!complete) return changes;
  const gone = [...earlier].filter(([id]) => !now.has(id));
  return [
    ...changes,
    ...gone.map(([id, { verdict }]): Change => ({ id, before: verdict, now: undefined, kind: 'gone' })),
  ];
}

/** Red where it was not, a worse kind of red, or red where nothing is known of before. */
function kindOf(before: Verdict | undefined, now: Verdict): Change['kind'] {
  const red = RED.has(now);
  if (before === undefined) return red ? 'regression' : 'new';
  const wasRed = RED.has(before);
  if (red) return wasRed && weight(now) < weight(before) ? 'changed' : 'regression';
  return wasRed ? 'fixed' : 'changed';
}

const weight = (verdict: Verdict) => (BY_WEIGHT as readonly Verdict[]).indexOf(verdict);

/** The first bytes that were found, and are found now, where those are different. */
function otherBytes(before: Row, now: Row): Change['detail'] {
  const bytesOf = ({ findings }: Row) => findings.flatMap(({ gotBytes }) => gotBytes ?? []);
  const [old, present] = [bytesOf(before), bytesOf(now)];
  const at = present.findIndex((bytes, index) => bytes !== old[index]);
  if (at < 0 && old.length === present.length) return undefined;
  const first = Math.max(0, at < 0 ? present.length : at);
  return [old[first] ?? '', present[first] ?? ''];
}

/** A time of 0 is one that nobody has told. */
function otherTime({ durationMs: before }: Row, { durationMs: now }: Row): Change['detail'] {
  if (before === 0 || now === 0) return undefined;
  const [less, more] = [Math.min(before, now), Math.max(before, now)];
  if (more - less < TIME_MS || more < TIME_FACTOR * less) return undefined;
  return [`${Math.round(before)} ms`, `${Math.round(now)} ms`];
}
