/** Results as text, for people. Colours only on a terminal. */

import type { Gate } from '../run/known.js';
import type { CaseResult, Finding, RunResults, StandingResult, Verdict } from '../run/results.js';
import { RED } from '../run/results.js';

/** Where text goes, and whether it may be coloured and overwritten. */
export interface TextSink {
  readonly isTerminal: boolean;
  write(text: string): void;
}

const COLOUR: Readonly<Record<Verdict, number>> = {
  pass: 32,
  note: 36,
  warn: 33,
  skip: 90,
  fail: 31,
  crash: 31,
  hang: 31,
  error: 35,
};

export class TerminalReport {
  readonly #sink: TextSink;
  readonly #verbose: boolean;
  #progressShown = false;

  constructor(sink: TextSink, verbose: boolean) {
    this.#sink = sink;
    this.#verbose = verbose;
  }

  /** A device has been started. */
  started(name: string, version: string, details: Readonly<Record<string, string>>, seed: number): void {
    const shown = Object.entries(details).filter(([key]) => key !== 'command' && key !== 'seed');
    this.#line(
      `${this.#bold(`${name} ${version}`)}  ${[...shown.map(([key, value]) => `${key}: ${value}`), `seed: ${seed}`].join(', ')}`,
    );
  }

  /** A case has its result; `done` of `planned` are there. */
  result(result: CaseResult, done: number, planned: number): void {
    if (this.#verbose || (result.verdict !== 'pass' && result.verdict !== 'skip')) this.#case(result);
    if (!this.#sink.isTerminal) return;
    this.#clearProgress();
    this.#sink.write(`  ${done}/${planned} ${result.id}`.slice(0, 100));
    this.#progressShown = true;
  }

  /** All results of a device. */
  finished(results: RunResults, gate: Gate, command: string | undefined): void {
    const broken = results.standing.filter(({ violations }) => violations > 0);
    if (broken.length > 0) this.#line('standing checks:');
    for (const row of broken) this.#standing(row, gate);
    for (const id of gate.known) this.#line(`  known deviation: ${id}`);
    for (const id of gate.stale)
      this.#line(`  ${this.#paint(31, 'stale')}: the list of known deviations names ${id}, which is not red`);
    for (const remark of gate.remarks) this.#line(`  note: ${remark}`);
    if (gate.unexpected.length > 0 && command !== undefined) this.#line(`  device: ${command}`);
    const { total, ...byVerdict } = results.summary;
    const counts = Object.entries(byVerdict).filter(([, count]) => count > 0);
    this.#line(
      `  ${total} cases: ${counts.map(([verdict, count]) => this.#paint(COLOUR[verdict as Verdict], `${count} ${verdict}`)).join(', ')}`,
    );
  }

  /** The line that says it all; the last of the run. */
  verdict(text: string, good: boolean): void {
    this.#line(this.#paint(good ? 32 : 31, text));
  }

  #case(result: CaseResult): void {
    const mark = this.#paint(COLOUR[result.verdict], result.verdict.padEnd(5));
    this.#line(`  ${mark} ${result.id}${RED.has(result.verdict) ? `  ${result.title}` : ''}`);
    for (const finding of result.findings) this.#finding(finding);
    if (RED.has(result.verdict)) this.#line(`        again: vscsi run --select '${result.id}'`);
    if (result.skip && this.#verbose) this.#line(`        ${result.skip.kind}: ${result.skip.evidence}`);
  }

  #finding(finding: Finding): void {
    const line = (text: string) => this.#line(`        ${text}`);
    line(
      `${finding.severity}: step ${finding.step}, ${finding.check}${finding.place ? `  (${finding.place})` : ''}`,
    );
    line(`  expected ${finding.expected}`);
    line(`  got      ${finding.got}`);
    if (finding.expectedBytes !== undefined) line(`  expected bytes ${spaced(finding.expectedBytes)}`);
    if (finding.gotBytes !== undefined) line(`  got bytes      ${spaced(finding.gotBytes)}`);
    if (finding.sent !== undefined) line(`  last request   ${spaced(finding.sent)}`);
    if (finding.requirements.length > 0) line(`  requirement ${finding.requirements.join(', ')}`);
    if (finding.reproduced !== undefined)
      line(
        finding.reproduced
          ? '  reproduced alone on a fresh device'
          : '  not reproduced alone on a fresh device',
      );
  }

  #standing(row: StandingResult, gate: Gate): void {
    const known = gate.known.includes(`standing:${row.check}`) ? ' (known)' : '';
    const mark = this.#paint(COLOUR[row.verdict], row.verdict.padEnd(5));
    this.#line(
      `  ${mark} ${row.check}${known}: ${row.violations} of ${row.exchanges} exchanges, requirement ${row.requirement}`,
    );
    const { firstExample } = row;
    if (firstExample)
      this.#line(
        `        first in ${firstExample.case}, step ${firstExample.step}: expected ${firstExample.expected}, got ${firstExample.got}${firstExample.bytes ? ` (response ${spaced(firstExample.bytes)})` : ''}`,
      );
  }

  #line(text: string): void {
    this.#clearProgress();
    this.#sink.write(`${text}\n`);
  }

  #clearProgress(): void {
    if (this.#progressShown) this.#sink.write('\r\x1b[K');
    this.#progressShown = false;
  }

  #paint(colour: number, text: string): string {
    return this.#sink.isTerminal ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }

  #bold(text: string): string {
    return this.#sink.isTerminal ? `\x1b[1m${text}\x1b[0m` : text;
  }
}

/** Hex in groups of 4 bytes, cut after 64. */
function spaced(hex: string): string {
  const shown = hex.slice(0, 128).replaceAll(/(.{8})(?=.)/g, '$1 ');
  return hex.length > 128 ? `${shown} … (${hex.length / 2} bytes)` : shown;
}
