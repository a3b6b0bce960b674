/** Results as text, for people. */

import { rulingOfCheck } from '../harness/violation.js';
import type { Change } from '../run/baseline.js';
import type { Gate } from '../run/gate.js';
import { resultKey, USUAL_MODE } from '../run/modes.js';
import {
  type CaseResult,
  RED,
  type RunResults,
  type StandingResult,
  type Summary,
  summarise,
  type Verdict,
} from '../run/results.js';
import { allRulings, rulingText } from '../run/rulings.js';
import { findingLines, type RequirementText, remarkOf } from './finding-text.js';
import { spacedHex } from './hex-diff.js';
import { bold, Colour, paint, type TextSink } from './style.js';

export type { TextSink } from './style.js';

const COLOUR: Readonly<Record<Verdict, Colour>> = {
  pass: Colour.GREEN,
  note: Colour.CYAN,
  warn: Colour.YELLOW,
  skip: Colour.GREY,
  fail: Colour.RED,
  crash: Colour.RED,
  hang: Colour.RED,
  error: Colour.MAGENTA,
};

/** What is shown of a run's device besides its results. */
export interface DeviceText {
  readonly name: string;
  readonly version: string;
  readonly details: Readonly<Record<string, string>>;
  /** By which it is driven; several for results that are stored. */
  readonly transport: string;
  readonly seed: number;
  /** Why a result is red, where that is known of this device. */
  readonly reasonOf: (result: CaseResult) => string | undefined;
  /** The command that runs one case again, alone. */
  readonly replay: (one: { readonly id: string; readonly mode: string }) => string;
}

export class TerminalReport {
  readonly #sink: TextSink;
  readonly #verbose: boolean;
  readonly #requirement: RequirementText;
  #device: DeviceText | undefined;
  #red = 0;
  readonly #reasons = new Set<string>();
  /** Of each case with findings: the mode in which it had them first, and what they were. */
  readonly #told = new Map<string, { readonly mode: string; readonly findings: string }>();
  #progressShown = false;

  constructor(sink: TextSink, verbose: boolean, requirement: RequirementText) {
    this.#sink = sink;
    this.#verbose = verbose;
    this.#requirement = requirement;
  }

  /** A device has been started, or started again for another transport. */
  started(device: DeviceText): void {
    const before = this.#device;
    this.#device = device;
    if (device.transport === before?.transport || device.name !== before?.name) {
      this.#red = 0;
      this.#reasons.clear();
      this.#told.clear();
    }
    const shown = Object.entries(device.details).filter(([key]) => key !== 'command' && key !== 'seed');
    const facts = [...shown.map(([key, value]) => `${key}: ${value}`), `seed: ${device.seed}`];
    const name = `${device.name} ${device.version} by ${device.transport}`;
    this.#line(`${bold(this.#sink, name)}  ${facts.join(', ')}`);
  }

  /** A case has its result; `done` of `planned` are there. */
  result(result: CaseResult, done: number, planned: number): void {
    if (RED.has(result.verdict)) this.#red++;
    if (this.#verbose || (result.verdict !== 'pass' && result.verdict !== 'skip')) this.#case(result);
    if (!this.#sink.isTerminal) return;
    this.#clearProgress();
    const red = this.#red === 0 ? '' : `, ${this.#red} red`;
    this.#sink.write(`  ${done}/${planned}${red}  ${resultKey(result)}`.slice(0, this.#sink.columns - 1));
    this.#progressShown = true;
  }

  /** All results of a device. */
  finished(results: RunResults, gate: Gate, changes: readonly Change[] | undefined): void {
    const broken = results.standing.filter(({ violations }) => violations > 0);
    if (broken.length > 0) this.#line('standing checks:');
    for (const row of broken) this.#standing(row, gate);
    this.#gate(gate);
    if (changes !== undefined) this.#changes(changes);
    for (const remark of gate.remarks) this.#line(`  note: ${remark}`);
    if (results.summary.skip > 0) this.#skips(results.cases);
    const { total } = results.summary;
    this.#modes(results.cases);
    const ids = new Set(results.cases.map(({ id }) => id)).size;
    const cases = `${ids} case${ids === 1 ? '' : 's'}`;
    const counted = ids === total ? cases : `${total} results of ${cases}`;
    this.#line(`  ${counted}: ${this.#counts(results.summary) || 'none'}`);
  }

  /** Counts by mode, where cases ran in several. */
  #modes(cases: readonly CaseResult[]): void {
    if (new Set(cases.map(({ id }) => id)).size === cases.length) return;
    const byMode = new Map<string, CaseResult[]>();
    for (const result of cases) byMode.set(result.mode, [...(byMode.get(result.mode) ?? []), result]);
    const width = Math.max(...[...byMode.keys()].map((mode) => mode.length));
    this.#line('modes:');
    for (const [mode, results] of byMode)
      this.#line(`  ${mode.padEnd(width)}  ${this.#counts(summarise(results))}`);
  }

  #counts({ total: _, ...byVerdict }: Summary): string {
    return Object.entries(byVerdict)
      .filter(([, count]) => count > 0)
      .map(([verdict, count]) => paint(this.#sink, COLOUR[verdict as Verdict], `${count} ${verdict}`))
      .join(', ');
  }

  /** Something that concerns the run as a whole. */
  remark(text: string): void {
    this.#line(text);
  }

  /** The line that says it all; the last of the run. */
  verdict(text: string, good: boolean): void {
    this.#line(paint(this.#sink, good ? Colour.GREEN : Colour.RED, text));
  }

  #case(result: CaseResult): void {
    const { title, verdict, findings, skip } = result;
    const id = resultKey(result);
    const red = RED.has(verdict);
    const reason = red ? this.#device?.reasonOf(result) : undefined;
    const mark = paint(this.#sink, COLOUR[verdict], verdict.padEnd(5));
    const elsewhere = this.#verbose ? undefined : this.#foundIn(result);
    if (elsewhere !== undefined) {
      // What other modes show as well is told once; a surprise is at least named.
      if (red && reason === undefined) this.#line(`  ${mark} ${id}, as in ${elsewhere}`);
      return;
    }
    if (reason !== undefined && !this.#verbose) {
      this.#line(`  ${mark} ${id} (known)  ${title}`);
      // Several cases often share a reason.
      if (!this.#reasons.has(reason)) this.#line(`        ${reason}`);
      this.#reasons.add(reason);
      return;
    }
    if (verdict === 'note' && !this.#verbose) {
      this.#line(`  ${mark} ${id}: ${findings.map(remarkOf).join('; ')}`);
      return;
    }
    this.#line(`  ${mark} ${id}${red && title !== '' ? `  ${title}` : ''}`);
    for (const finding of findings)
      for (const line of findingLines(finding, this.#requirement)) this.#line(`        ${line}`);
    if (skip) this.#line(`        ${skip.kind}: ${skip.evidence}`);
    if (!red) return;
    const command = this.#device?.details.command;
    if (command !== undefined) this.#line(`        device: ${command}`);
    if (this.#device) this.#line(`        again: ${this.#device.replay(result)}`);
  }

  /** The mode in which a case has had the same findings before, if any; bytes that nobody wrote may differ. */
  #foundIn({ id, mode, findings }: CaseResult): string | undefined {
    const now = JSON.stringify(
      findings.map(({ step, check, expected, severity }) => [step, check, expected, severity]),
    );
    const before = this.#told.get(id);
    if (before?.findings === now) return before.mode;
    this.#told.set(id, { mode, findings: now });
    return undefined;
  }

  /** Why cases were skipped, the commonest reason first; each case only with `--verbose`. */
  #skips(cases: readonly CaseResult[]): void {
    const counts = new Map<string, number>();
    for (const { skip } of cases) {
      if (skip === undefined) continue;
      const reason = `${skip.kind}: ${skip.evidence}`;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const sorted = [...counts].sort(([, a], [, b]) => b - a);
    for (const [reason, count] of sorted.slice(0, MOST_REASONS)) this.#line(`  ${count} skipped, ${reason}`);
    if (sorted.length > MOST_REASONS)
      this.#line(`  and ${sorted.length - MOST_REASONS} more reasons; --verbose shows the cases`);
  }

  #standing(row: StandingResult, gate: Gate): void {
    const known = gate.known.includes(`standing:${row.check}`);
    const mark = paint(this.#sink, COLOUR[row.verdict], row.verdict.padEnd(5));
    const exchanges = `${row.violations} of ${row.exchanges} exchanges`;
    this.#line(
      `  ${mark} ${row.check}${known ? ' (known)' : ''}: ${exchanges}, requirement ${row.requirement}`,
    );
    const text = this.#requirement(row.requirement);
    if (text !== undefined) this.#line(`        ${text}`);
    const id = rulingOfCheck(row.check);
    const ruling = id === undefined ? undefined : allRulings().get(id);
    if (ruling !== undefined) this.#line(`        ruling ${ruling.id}: ${rulingText(ruling)}`);
    const { firstExample } = row;
    if (firstExample === undefined) return;
    const { expected, got, bytes, step } = firstExample;
    const response = bytes === undefined ? '' : ` (response ${spacedHex(bytes)})`;
    this.#line(
      `        first in ${firstExample.case}, step ${step}: expected ${expected}, got ${got}${response}`,
    );
    if (row.verdict === 'fail' && !known && this.#device)
      this.#line(
        `        again: ${this.#device.replay({ id: firstExample.case, mode: firstExample.mode ?? USUAL_MODE })}`,
      );
  }

  /** How the list of known deviations does not fit, and what of it depends on timing. */
  #gate({ stale, passed, expired, differs, flaky }: Gate): void {
    const red = (word: string) => paint(this.#sink, Colour.RED, word);
    const list = 'the list of known deviations';
    const ran = new Set(passed);
    for (const id of stale)
      this.#line(
        ran.has(id)
          ? `  ${red('unexpected pass')}: ${list} names ${id}, which is not red`
          : `  ${red('stale')}: ${list} names ${id}, and there is no such result`,
      );
    for (const id of expired) this.#line(`  ${red('expired')}: the entry for ${id} is out of date`);
    for (const { id, expected, got } of differs)
      this.#line(`  ${red('differs')}: ${id} is listed as ${expected}, and is ${got}`);
    for (const { id, red: isRed } of flaky)
      this.#line(
        `  ${paint(this.#sink, Colour.YELLOW, 'flaky')}: ${id} is ${isRed ? 'red' : 'not red'} this time`,
      );
  }

  #changes(changes: readonly Change[]): void {
    this.#line(`  against the baseline: ${changes.length === 0 ? 'no verdict has changed' : ''}`.trimEnd());
    for (const { id, kind, before, now, detail } of changes) {
      const colour = kind === 'regression' ? Colour.RED : kind === 'fixed' ? Colour.GREEN : Colour.GREY;
      const mark = paint(this.#sink, colour, kind.padEnd(10));
      const [was, is] = detail ?? [before ?? 'not there', now ?? 'not there'];
      const [then, today] = kind === 'bytes' ? [spacedHex(was, 16), spacedHex(is, 16)] : [was, is];
      this.#line(`    ${mark} ${id}: ${then || 'none'} → ${today || 'none'}`);
    }
  }

  #line(text: string): void {
    this.#clearProgress();
    this.#sink.write(`${text}\n`);
  }

  #clearProgress(): void {
    if (this.#progressShown) this.#sink.write('\r\x1b[K');
    this.#progressShown = false;
  }
}

const MOST_REASONS = 5;
