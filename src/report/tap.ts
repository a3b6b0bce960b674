/** Results as TAP version 14: a test point a case, then one a standing check. */

import type { Gate } from '../run/gate.js';
import { resultKey } from '../run/modes.js';
import { type CaseResult, RED, type RunResults, type StandingResult } from '../run/results.js';
import { yaml } from '../sys/lazy-packages.js';
import { writeReport } from './report-file.js';
import type { Reporter } from './reporter.js';

/** Written when the run is over: only then it is known which deviations were to be expected. */
export function tapReporter(file: string): Reporter {
  return { finished: (results, gate) => writeReport(file, tapText(results, gate)) };
}

/** Known deviations are TODO: not ok, and no failure of the run. */
export function tapText(results: RunResults, gate: Gate): string {
  const known = new Set(gate.known);
  const points = [
    ...results.cases.map((result) => casePoint(result, known)),
    ...results.standing.map((row) => standingPoint(row, known)),
    ...gate.stale.map((id) => listPoint(`${STALE}${id}`)),
    ...gate.expired.map((id) => listPoint(`${EXPIRED}${id}`)),
  ];
  const lines = ['TAP version 14', `1..${points.length}`];
  lines.push(`# ${tapOrigin(results)}`);
  for (const [index, { ok, description, directive, diagnostics }] of points.entries()) {
    lines.push(`${ok ? 'ok' : 'not ok'} ${index + 1} - ${escaped(description)}${directive}`);
    if (diagnostics === undefined) continue;
    lines.push('  ---');
    const block = yaml().stringify(diagnostics, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
    lines.push(...block.split('\n').map((line) => (line === '' ? '' : `  ${line}`)));
    lines.push('  ...');
  }
  if (results.interrupted) lines.push('Bail out! the run was interrupted');
  return `${lines.join('\n')}\n`;
}

/** The comment by which a reader knows what the results are of. */
function tapOrigin({ dut, suite, seed, spec, strict }: RunResults): string {
  const facts = [
    `${dut.name} ${dut.version}`,
    `vscsi ${suite.version}`,
    `case set ${suite.caseSetHash}`,
    `seed ${seed}`,
    `virtio ${spec}`,
    ...(strict ? ['strict'] : []),
  ];
  return facts.join(', ');
}

/** Reads that comment; undefined for any other. */
export function readTapOrigin(comment: string):
  | (Pick<RunResults, 'suite' | 'seed' | 'spec' | 'strict'> & {
      readonly dut: { name: string; version: string };
    })
  | undefined {
  const match = TAP_ORIGIN.exec(comment)?.groups;
  if (match === undefined) return undefined;
  const { name = '', version = '', suite = '', hash = '', seed, spec = '', strict } = match;
  return {
    dut: { name, version },
    suite: { version: suite, caseSetHash: hash },
    seed: Number(seed),
    spec,
    strict: strict !== undefined,
  };
}

const TAP_ORIGIN =
  /^(?<name>\S+) (?<version>.*), vscsi (?<suite>\S+), case set (?<hash>[0-9a-f]{64}), seed (?<seed>\d+), virtio (?<spec>[\d.]+)(?<strict>, strict)?$/;

/** Test points about entries of the list of known deviations begin so. */
export const STALE = 'listed as known and not red: ';
export const EXPIRED = 'listed as known up to a date that is past: ';

function listPoint(description: string): Point {
  return { ok: false, description, directive: '', diagnostics: undefined };
}

interface Point {
  readonly ok: boolean;
  readonly description: string;
  /** With the space and the `#` before it. */
  readonly directive: string;
  readonly diagnostics: unknown;
}

function casePoint(result: CaseResult, known: ReadonlySet<string>): Point {
  const { title, verdict, findings, skip, durationMs } = result;
  const key = resultKey(result);
  const red = RED.has(verdict);
  const directive = skip
    ? ` # SKIP ${escaped(`${skip.kind}: ${skip.evidence}`)}`
    : red && known.has(key)
      ? ' # TODO known deviation'
      : '';
  return {
    ok: !red,
    description: key,
    directive,
    diagnostics:
      findings.length === 0
        ? undefined
        : { verdict, title, duration_ms: Number(durationMs.toFixed(3)), findings },
  };
}

function standingPoint(row: StandingResult, known: ReadonlySet<string>): Point {
  const { check, verdict, requirement, violations, exchanges, firstExample } = row;
  const red = verdict === 'fail';
  return {
    ok: !red,
    description: `standing:${check}`,
    directive: red && known.has(`standing:${check}`) ? ' # TODO known deviation' : '',
    diagnostics:
      violations === 0
        ? undefined
        : { verdict, requirement, violations, exchanges, first_example: firstExample },
  };
}

/** A description or reason is one line, in which `#` would begin a directive. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('#', '\\#')
    .replaceAll(/\s*\n\s*/g, ' ');
}
