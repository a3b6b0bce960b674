/** A summary in Markdown, as forges show it next to a run. What devices say is text in it, never markup. */

import { areaOf } from '../run/area.js';
import { catalogue } from '../run/catalogue.js';
import type { Gate } from '../run/gate.js';
import { resultKey } from '../run/modes.js';
import { replayCommand } from '../run/replay-command.js';
import { type CaseResult, type RunResults, summarise, type Verdict } from '../run/results.js';
import { findingLines } from './finding-text.js';
import { code, fenced, oneLine, plain } from './markdown-text.js';
import { writeReport } from './report-file.js';
import type { Reporter } from './reporter.js';

/** Written when the run is over. */
export function markdownReporter(file: string): Reporter {
  return { finished: (results, gate) => writeReport(file, markdownText(results, gate)) };
}

/** Forges cut a summary off at about a mebibyte. */
const MOST_CASES = 50;
const MOST_REASONS = 10;

export function markdownText(results: RunResults, gate: Gate): string {
  const parts = [
    `## virtio-scsi conformance: ${plain(`${results.dut.name} ${results.dut.version}`)}`,
    `**${headline(results, gate)}**`,
    areaTable(results.cases),
    ...newFailures(results, gate),
    ...listProblems(gate),
    ...skips(results.cases),
    origin(results),
  ];
  return `${parts.join('\n\n')}\n`;
}

function headline({ interrupted, failure, summary }: RunResults, gate: Gate): string {
  const ended =
    failure === undefined
      ? 'The run was ended early.'
      : `The device could not be set up again: ${plain(failure)}.`;
  const incomplete = interrupted || failure !== undefined ? `${ended} ` : '';
  const wrong = gate.unexpected.length + gate.stale.length + gate.expired.length;
  const known = gate.deviations === 0 ? '' : ` but ${counted(gate.deviations, 'known deviation')}`;
  if (wrong > 0)
    return `${incomplete}${counted(gate.unexpected.length, 'new failure')}, ${counted(gate.stale.length + gate.expired.length, 'entry', 'entries')} of the list of known deviations out of date.`;
  if (summary.total === summary.skip) return `${incomplete}No case was executed.`;
  return `${incomplete}Nothing is red${known}.`;
}

const counted = (count: number, one: string, several = `${one}s`) =>
  `${count} ${count === 1 ? one : several}`;

function areaTable(cases: readonly CaseResult[]): string {
  const { total: _, ...counts } = summarise(cases);
  const verdicts = (Object.keys(counts) as Verdict[]).filter((verdict) => counts[verdict] > 0);
  const areas = [...new Set(cases.map(({ id }) => areaOf(id)))];
  const row = (name: string, some: readonly CaseResult[]) => {
    const summary = summarise(some);
    return `| ${name} | ${[summary.total, ...verdicts.map((verdict) => summary[verdict])].join(' | ')} |`;
  };
  return [
    `| area | ${['results', ...verdicts].join(' | ')} |`,
    `| --- |${' ---: |'.repeat(verdicts.length + 1)}`,
    ...areas.map((area) =>
      row(
        code(area),
        cases.filter(({ id }) => areaOf(id) === area),
      ),
    ),
    row('all', cases),
  ].join('\n');
}

/** Red results that the list does not explain, standing checks among them. */
function newFailures(results: RunResults, { unexpected, differs }: Gate): string[] {
  if (unexpected.length === 0) return [];
  const names = new Set(unexpected);
  const otherwise = new Map(differs.map((each) => [each.id, each]));
  const cases = results.cases.filter((result) => names.has(resultKey(result)));
  const standing = results.standing.filter(({ check }) => names.has(`standing:${check}`));
  return [
    '### New failures',
    ...standing.map(
      ({ check, violations, exchanges, requirement }) =>
        `- standing check ${code(check)}: ${violations} of ${exchanges} exchanges, requirement ${code(requirement)}`,
    ),
    ...cases
      .slice(0, MOST_CASES)
      .map((result) => caseDetails(result, results, otherwise.get(resultKey(result)))),
    ...(cases.length > MOST_CASES ? [`… and ${cases.length - MOST_CASES} more.`] : []),
  ];
}

function caseDetails(
  result: CaseResult,
  { request, seed, strict, spec }: RunResults,
  other: Gate['differs'][number] | undefined,
): string {
  const words = (id: string) => catalogue().get(id)?.text;
  const lines = result.findings.flatMap((finding) => findingLines(finding, words));
  if (other !== undefined) lines.unshift(`listed as ${other.expected}, and is ${other.got}`);
  if (request !== undefined) {
    const run = {
      request,
      seed,
      ...(strict !== undefined && { strict }),
      ...(spec !== undefined && { spec }),
    };
    lines.push(`again: ${replayCommand(result, run)}`);
  }
  const title = `${html(result.verdict)}: <code>${html(resultKey(result))}</code> ${html(result.title)}`;
  return `<details><summary>${title}</summary>\n\n${fenced(lines.join('\n'))}\n\n</details>`;
}

function listProblems({ stale, passed, expired, flaky }: Gate): string[] {
  const ran = new Set(passed);
  const lines = [
    ...stale.map((id) => `- ${ran.has(id) ? 'unexpected pass' : 'stale entry'}: ${code(id)}`),
    ...expired.map((id) => `- expired entry: ${code(id)}`),
    ...flaky.map(({ id, red }) => `- flaky: ${code(id)} is ${red ? 'red' : 'not red'} this time`),
  ];
  return lines.length === 0 ? [] : ['### List of known deviations', lines.join('\n')];
}

function skips(cases: readonly CaseResult[]): string[] {
  const counts = new Map<string, number>();
  for (const { skip } of cases)
    if (skip)
      counts.set(`${skip.kind}: ${skip.evidence}`, (counts.get(`${skip.kind}: ${skip.evidence}`) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  if (sorted.length === 0) return [];
  const lines = sorted.slice(0, MOST_REASONS).map(([reason, count]) => `- ${count} × ${code(reason)}`);
  if (sorted.length > MOST_REASONS) lines.push(`- and ${sorted.length - MOST_REASONS} more reasons`);
  return ['### Skipped', lines.join('\n')];
}

function origin({ suite, seed, environment: { date } }: RunResults): string {
  const when = date === '' ? '' : `, ${plain(date)}`;
  return `vscsi ${plain(suite.version)}, case set ${code(suite.caseSetHash.slice(0, 12))}, seed ${seed}${when}`;
}

function html(text: string): string {
  return oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
