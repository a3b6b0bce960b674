/** What two results differ in, as text. */
import { type Difference, differingFindings, type Side } from '../run/diff.js';
import type { Finding, RunResults } from '../run/results.js';
import { findingLines, type RequirementText } from './finding-text.js';
import { hexDiff } from './hex-diff.js';
import { bold, Colour, paint, type TextSink } from './style.js';

/** Results with the name by which they were asked for. */
export interface Named {
  readonly name: string;
  readonly results: RunResults;
}

/** In words, for each kind of difference; in the order in which they are shown. */
const KINDS = {
  verdict: ['verdicts differ', Colour.RED],
  findings: ['are wrong in different ways', Colour.YELLOW],
  executed: ['executed by only one', Colour.CYAN],
  only: ['in only one of the two', Colour.CYAN],
  allowed: ['are right in different ways', Colour.GREY],
} as const satisfies Readonly<Record<Difference['kind'], readonly [string, Colour]>>;

/** The devices, each difference with its bytes, and how many there are of each kind. */
export function writeDiff(
  out: TextSink,
  [a, b]: readonly [Named, Named],
  differences: readonly Difference[],
  requirement: RequirementText,
): void {
  for (const [letter, { name, results }] of [['A', a] as const, ['B', b] as const])
    out.write(
      `${bold(out, letter)}  ${results.dut.name} ${results.dut.version}  (${name}, ${results.summary.total} results)\n`,
    );
  for (const [kind, [words, colour]] of Object.entries(KINDS)) {
    const some = differences.filter((each) => each.kind === kind);
    if (some.length === 0) continue;
    out.write(`${paint(out, colour, words)}: ${some.length}\n`);
    for (const difference of some)
      for (const line of linesOf(difference, requirement)) out.write(`  ${line}\n`);
  }
  if (differences.length === 0) out.write('no difference\n');
}

function linesOf({ id, kind, a, b }: Difference, requirement: RequirementText): string[] {
  switch (kind) {
    case 'only':
      return [`${id}: only in ${a === undefined ? 'B' : 'A'}, ${(a ?? b)?.verdict}`];
    case 'executed':
      return [`${id}: ${sideWords('A', a)}, ${sideWords('B', b)}`];
    case 'allowed':
      return [`${id}`, `    A  ${waysOf(a)}`, `    B  ${waysOf(b)}`];
    default: {
      const pairs = a && b ? differingFindings(a, b) : [];
      return [
        `${id}: ${sideWords('A', a)}, ${sideWords('B', b)}`,
        ...pairs.flatMap((pair) => findingDiff(pair.a, pair.b, requirement)).map((line) => `    ${line}`),
      ];
    }
  }
}

function sideWords(letter: string, side: Side | undefined): string {
  return `${letter} ${side?.verdict}${side?.skip ? ` (${side.skip.kind}: ${side.skip.evidence})` : ''}`;
}

function waysOf(side: Side | undefined): string {
  return (side?.seen ?? []).map(({ step, is }) => `step ${step}: ${is}`).join('; ');
}

/** One side's finding in full where the other has none; else what each found, under each other. */
function findingDiff(a: Finding | undefined, b: Finding | undefined, requirement: RequirementText): string[] {
  if (a === undefined || b === undefined) {
    const [letter, finding] = a === undefined ? (['B', b] as const) : (['A', a] as const);
    return (finding ? findingLines(finding, requirement) : []).map(
      (line, at) => `${at === 0 ? letter : ' '}  ${line}`,
    );
  }
  const lines = [`step ${a.step}, ${a.check}: expected ${a.expected}`];
  if (a.gotBytes !== undefined && b.gotBytes !== undefined && a.gotBytes !== b.gotBytes)
    return [...lines, ...hexDiff({ expected: a.gotBytes, got: b.gotBytes }, ['A', 'B'])];
  return [...lines, `A  got ${a.got}`, `B  got ${b.got}`];
}
