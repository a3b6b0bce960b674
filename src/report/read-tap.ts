/** Results from TAP, as `tapText` writes it. */

import { STANDING_CHECKS, type StandingCheck } from '../harness/violation.js';
import { readResultKey } from '../run/modes.js';
import { type CaseResult, RED, type RunResults, type StandingResult, summarise } from '../run/results.js';
import { tapParser } from '../sys/lazy-packages.js';
import { EXPIRED, readTapOrigin, STALE } from './tap.js';

/** The text is no TAP that the suite has written. */
export class TapReadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TapReadError';
  }
}

/** A test point as the parser gives it. */
interface TestPoint {
  readonly ok: boolean;
  readonly name: string;
  readonly skip: boolean | string;
  readonly diag: unknown;
}

const STANDING = 'standing:';

/**
 * What TAP does not tell is empty. A verdict is that of the diagnostics; without any it is what `ok` and directives
 * say. Nothing but the form of the test points has been checked. Throws TapReadError.
 */
export function tapResults(text: string): RunResults {
  const { points, origin, bailed } = parsed(text);
  const cases = points.filter(({ name }) => !name.startsWith(STANDING)).map(caseOf);
  return {
    schemaVersion: 1,
    ...origin,
    dut: { ...origin.dut, features: [], details: {} },
    environment: { node: '', platform: '', date: '' },
    modes: [...new Set(cases.map(({ mode }) => mode))],
    interrupted: bailed,
    summary: summarise(cases),
    standing: points.filter(({ name }) => name.startsWith(STANDING)).map(standingOf),
    cases,
  };
}

function parsed(text: string) {
  const points: TestPoint[] = [];
  let origin: ReturnType<typeof readTapOrigin>;
  let bailed = false;
  const wrong: string[] = [];
  const { Parser } = tapParser();
  const parser = new Parser((summary) => {
    for (const { tapError } of summary.failures) if (tapError) wrong.push(String(tapError));
    // Of results that are not all ok the parser does not say that some are missing.
    const { start, end } = summary.plan;
    const planned = start === null || end === null ? 0 : end - start + 1;
    if (summary.count !== planned)
      wrong.push(`the plan tells of ${planned} test points, and there are ${summary.count}`);
  });
  parser.on('assert', ({ ok, name, skip, diag }) => {
    // What was wrong with a list is for another gate to find again.
    if (![STALE, EXPIRED].some((about) => name.startsWith(about))) points.push({ ok, name, skip, diag });
  });
  parser.on('comment', (line: string) => {
    origin ??= readTapOrigin(line.replace(/^#\s*/, '').trimEnd());
  });
  parser.on('bailout', () => {
    bailed = true;
  });
  parser.on('extra', (line: string) => wrong.push(`no line of TAP: ${line.trim()}`));
  parser.end(text);
  if (origin === undefined)
    throw new TapReadError(
      'no comment says which device and which version of the suite these results are of',
    );
  const [first] = wrong;
  if (first !== undefined && !bailed) throw new TapReadError(first);
  return { points, origin, bailed };
}

function caseOf({ ok, name, skip, diag }: TestPoint): CaseResult {
  const { verdict, title, duration_ms, findings } = asRecord(diag);
  const plain = skip === false ? (ok ? 'pass' : 'fail') : 'skip';
  const result = {
    ...readResultKey(name),
    title: title ?? '',
    verdict: verdict ?? plain,
    durationMs: duration_ms ?? 0,
    ...(skip !== false && { skip: skipOf(skip) }),
    findings: findings ?? [],
  } as CaseResult;
  if (RED.has(result.verdict) === ok)
    throw new TapReadError(`${name} is ${ok ? 'ok' : 'not ok'}, and ${result.verdict}`);
  return result;
}

function skipOf(reason: string | true): unknown {
  const [, kind = '', evidence = ''] = /^([\w-]+): (.*)$/s.exec(String(reason)) ?? [];
  return { kind, evidence };
}

function standingOf({ ok, name, diag }: TestPoint): StandingResult {
  const { verdict, violations, exchanges, first_example } = asRecord(diag);
  const check = name.slice(STANDING.length);
  if (!Object.hasOwn(STANDING_CHECKS, check)) throw new TapReadError(`there is no standing check ${check}`);
  const { requirement, severity } = STANDING_CHECKS[check as StandingCheck];
  return {
    check,
    requirement,
    severity,
    violations: violations ?? 0,
    exchanges: exchanges ?? 0,
    verdict: verdict ?? (ok ? 'pass' : 'fail'),
    ...(first_example !== undefined && { firstExample: first_example }),
  } as StandingResult;
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
