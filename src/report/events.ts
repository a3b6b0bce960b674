/**
 * The stream of events that a run is: a header, a case for every result as soon as it is there, and a footer with
 * everything but the cases. All reports are made of it; JSON lines are it. Its form is `events.schema.json`.
 */
import type { DutIdentity } from '../duts/dut.js';
import type { StandingCount } from '../harness/standing-ledger.js';
import type { Gate } from '../run/gate.js';
import type { CaseResult, RunRequest, RunResults } from '../run/results.js';
import { NEWEST_SPEC } from '../run/spec-version.js';

/** What is known when the first device is up; the date is that of the beginning. */
export interface HeaderEvent extends Pick<RunResults, 'schemaVersion' | 'suite' | 'environment' | 'seed'> {
  readonly type: 'header';
  readonly dut: DutIdentity;
  readonly strict: boolean;
  readonly spec: string;
  /** Left out where it is not known, as in what was read from TAP. */
  readonly request?: RunRequest;
}

/** A result, with what the standing checks had decided in it. */
export interface CaseEvent extends CaseResult {
  readonly type: 'case';
  readonly standing: readonly StandingCount[];
}

/** The end. A run that was cut off has none. */
export interface FooterEvent
  extends Pick<
    RunResults,
    'environment' | 'dut' | 'modes' | 'interrupted' | 'failure' | 'summary' | 'standing'
  > {
  readonly type: 'footer';
  readonly gate: Gate;
}

export type RunEvent = HeaderEvent | CaseEvent | FooterEvent;

/** The header that results would have had. */
export function headerOf(results: RunResults): HeaderEvent {
  const {
    schemaVersion,
    suite,
    environment,
    dut,
    seed,
    strict = false,
    spec = NEWEST_SPEC,
    request,
  } = results;
  const { features: _, ...identity } = dut;
  const known = { schemaVersion, suite, environment, dut: identity, seed, strict, spec };
  return { type: 'header', ...known, ...(request && { request }) };
}

export function caseEvent(result: CaseResult, standing: readonly StandingCount[]): CaseEvent {
  const counts = standing.map(({ check, violations, exchanges, firstExample }) => ({
    check,
    violations,
    exchanges,
    ...(firstExample && { firstExample }),
  }));
  return { type: 'case', ...result, standing: counts };
}

export function footerEvent(results: RunResults, gate: Gate): FooterEvent {
  const { environment, dut, modes, interrupted, failure, summary, standing } = results;
  return {
    type: 'footer',
    environment,
    dut,
    ...(modes && { modes }),
    interrupted,
    ...(failure !== undefined && { failure }),
    summary,
    standing,
    gate,
  };
}
