/** `vscsi known`: a first list of known deviations, made of results, with the reasons to fill in. */
import { existsSync } from 'node:fs';
import { stringify } from 'yaml';
import { readResults } from '../report/read-results.js';
import { writeReport } from '../report/report-file.js';
import type { TextSink } from '../report/style.js';
import { catalogue } from '../run/catalogue.js';
import { ExitCode } from '../run/exit-code.js';
import { claimedFor, concerns, type KnownDeviation, type KnownList, shippedKnownList } from '../run/known.js';
import { type CaseResult, RED, type RunResults, type StandingResult } from '../run/results.js';
import { UsageError } from './errors.js';

export interface KnownOptions {
  readonly from: string;
  readonly out?: string;
}

/** An entry as it is written. What is still to be said is empty, and no gate takes it so. */
type DraftEntry = Omit<KnownDeviation, 'fatal' | 'sometimes'> & {
  readonly fatal?: true;
  readonly sometimes?: true;
};

const PREAMBLE = `# Known deviations: what is red for a reason that has been written down.
# Fill in each empty reason (what the device does, and why that departs from the standard) and clause: a list with gaps
# is refused. An entry can also have
#   link: https://…            where it is dealt with, e.g. a bug report
#   bytes: "0a0b"              bytes that are found
#   expires: "2027-03-31"      the last day on which it counts
#   sometimes: true            it depends on timing
# from and to are the versions of the device for which it is claimed, both inclusive.
`;

/** Writes the list. Throws UsageError where it would overwrite a file, ReportError, ResultsFileError and KnownListError. */
export function knownCommand({ from, out: file }: KnownOptions, out: TextSink): number {
  const { results } = readResults(from);
  const deviations = draftEntries(results, shippedKnownList(results.dut.name));
  const text = PREAMBLE + stringify({ dut: results.dut.name, deviations }, { lineWidth: 110 });
  if (file === undefined) {
    out.write(text);
    return ExitCode.CONFORMANT;
  }
  // Half a list would stand in the way of the next try.
  if (existsSync(file))
    throw new UsageError(`${file} is there already; what has been filled in there would be lost`);
  writeReport(file, text);
  const empty = deviations.filter(({ reason }) => reason === '').length;
  out.write(`${file}: ${deviations.length} deviations, of which ${empty} want a reason\n`);
  return ExitCode.CONFORMANT;
}

/** An entry for everything that is red or held back. What the suite's own list says of it is taken over. */
export function draftEntries(results: RunResults, shipped: KnownList | undefined): DraftEntry[] {
  const { version } = results.dut;
  const claimed = claimedFor(shipped, version);
  const groups = new Map<string, CaseResult[]>();
  for (const result of results.cases) {
    if (!RED.has(result.verdict) && result.skip?.kind !== 'known-fatal') continue;
    const key = JSON.stringify([result.id, result.verdict]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  const modesOf = (id: string) => results.cases.filter((each) => each.id === id).map(({ mode }) => mode);
  return [
    ...results.standing.filter(({ verdict }) => verdict === 'fail').map((row) => standingDraft(row)),
    ...[...groups.values()].flatMap((group) => {
      const [first] = group;
      return first === undefined ? [] : [caseDraft(first, group)];
    }),
  ];

  function standingDraft({ check, requirement, firstExample }: StandingResult): DraftEntry {
    const id = `standing:${check}`;
    return draft({ id }, [requirement], firstExample);
  }

  function caseDraft(first: CaseResult, group: readonly CaseResult[]): DraftEntry {
    const { id, verdict, findings, skip } = first;
    const modes = group.map(({ mode }) => mode);
    const everywhere = modes.length === modesOf(id).length;
    const finding = findings.find(({ severity }) => severity === verdict) ?? findings[0];
    const how = skip ? ({ fatal: true } as const) : { verdict };
    return draft(
      { id, ...(!everywhere && { modes }), ...how },
      finding?.requirements ?? [],
      finding,
      first.mode,
    );
  }

  function draft(
    about: Pick<DraftEntry, 'id' | 'modes' | 'verdict' | 'fatal'>,
    requirements: readonly string[],
    seen: { readonly expected: string; readonly got: string } | undefined,
    mode?: string,
  ): DraftEntry {
    const own = claimed.find((entry) =>
      concerns(entry, { id: about.id, ...(mode !== undefined && { mode }) }),
    );
    const section = requirements.map((id) => catalogue().get(id)?.section).find((each) => each !== undefined);
    return {
      ...about,
      ...(own?.sometimes && { sometimes: true }),
      from: version,
      to: version,
      reason: own?.reason ?? '',
      clause: own?.clause ?? section ?? '',
      observed: seen === undefined ? (own?.observed ?? '') : `expected ${seen.expected}, got ${seen.got}`,
    };
  }
}
