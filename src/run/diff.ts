/** What two devices, or two runs, do differently: case by case, and byte by byte. */
import { resultKey } from './modes.js';
import type { CaseResult, Finding, RunResults } from './results.js';

/** One case whose results differ. */
export interface Difference {
  /** As `resultKey` names it; `standing:` and the name of a standing check. */
  readonly id: string;
  /**
   * `only`: one of the two has no such result. `executed`: one of the two skipped it. `verdict`: they do not agree about
   * it. `findings`: they are red for other reasons, or with other bytes. `allowed`: both do what they may, in other ways.
   */
  readonly kind: 'only' | 'executed' | 'verdict' | 'findings' | 'allowed';
  /** What is told of each side; undefined for the one that has no such result. */
  readonly a: Side | undefined;
  readonly b: Side | undefined;
}

export type Side = Pick<CaseResult, 'verdict' | 'findings' | 'skip' | 'seen'>;

type Compared = Pick<RunResults, 'cases' | 'standing'>;

/** In the order of the first results, then what only the second have. Times and random values make no difference. */
export function diffResults(a: Compared, b: Compared): Difference[] {
  const [left, right] = [sidesOf(a), sidesOf(b)];
  const ids = new Set([...left.keys(), ...right.keys()]);
  return [...ids].flatMap((id): Difference[] => {
    const [one, other] = [left.get(id), right.get(id)];
    const kind = kindOf(one, other);
    return kind === undefined ? [] : [{ id, kind, a: one, b: other }];
  });
}

function sidesOf({ cases, standing }: Compared): Map<string, Side> {
  return new Map<string, Side>([
    ...cases.map((result) => [resultKey(result), result] as const),
    ...standing.map(({ check, verdict }) => [`standing:${check}`, { verdict, findings: [] }] as const),
  ]);
}

function kindOf(a: Side | undefined, b: Side | undefined): Difference['kind'] | undefined {
  if (a === undefined || b === undefined) return 'only';
  if (a.verdict !== b.verdict) return a.verdict === 'skip' || b.verdict === 'skip' ? 'executed' : 'verdict';
  if (a.verdict === 'skip') return undefined;
  if (differingFindings(a, b).length > 0) return 'findings';
  // A report that does not tell, as TAP, says nothing against the other.
  if (a.seen === undefined || b.seen === undefined) return undefined;
  const ways = (seen: Required<Side>['seen']) => seen.map(({ step, is }) => `${step} ${is}`).join('\n');
  return ways(a.seen) === ways(b.seen) ? undefined : 'allowed';
}

/** The findings of each side to the same look at the same step, where they say something else; either may be missing. */
export function differingFindings(
  a: Side,
  b: Side,
): readonly { readonly a: Finding | undefined; readonly b: Finding | undefined }[] {
  const [left, right] = [byPlace(a), byPlace(b)];
  const places = new Set([...left.keys(), ...right.keys()]);
  return [...places]
    .map((place) => ({ a: left.get(place), b: right.get(place) }))
    .filter((pair) => pair.a === undefined || pair.b === undefined || found(pair.a) !== found(pair.b));
}

function byPlace({ findings }: Side): Map<string, Finding> {
  const out = new Map<string, Finding>();
  for (const finding of findings) {
    const place = `${finding.step} ${finding.check}`;
    // Several at one place are told apart by their number.
    let name = place;
    for (let number = 2; out.has(name); number++) name = `${place} ${number}`;
    out.set(name, finding);
  }
  return out;
}

const found = ({ severity, got, gotBytes }: Finding) => JSON.stringify([severity, got, gotBytes]);
