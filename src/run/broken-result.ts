/** The result of a case that its device, or the suite, did not survive. */
import type { DutExit } from '../duts/dut.js';
import type { Whereabouts } from './beacon.js';
import type { PlannedCase } from './messages.js';
import type { CaseResult, Finding } from './results.js';
import { sanitizerReport } from './sanitizer.js';

/** How a worker and its device ended before their time. */
export type BrokenEnding =
  | {
      readonly kind: 'crash';
      readonly message: string;
      readonly exit: DutExit | undefined;
      readonly at: Whereabouts;
    }
  /** Without progress. */
  | { readonly kind: 'hang'; readonly message?: string; readonly at: Whereabouts }
  /** The suite itself failed in the worker, or could not understand the device. */
  | { readonly kind: 'broken'; readonly message: string; readonly at: Whereabouts };

const LAST_LINES = 5;

/** What happened, in words. */
export function describeEnding(ending: BrokenEnding): string {
  if (ending.kind === 'hang') return ending.message ?? 'no progress';
  if (ending.kind === 'broken') return ending.message;
  const { exit, message } = ending;
  if (exit === undefined) return message;
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  const complaint = sanitizerReport(exit.stderr);
  if (complaint !== undefined) return `the device ended with ${how}; it said:\n${complaint}`;
  const said = exit.stderr.trim();
  if (said === '') return `the device ended with ${how}`;
  return `the device ended with ${how}; it said: ${said.split('\n').slice(-LAST_LINES).join(' | ')}`;
}

/** The verdict that belongs to an ending. */
export function verdictOfEnding({ kind }: BrokenEnding): 'crash' | 'hang' | 'error' {
  return kind === 'broken' ? 'error' : kind;
}

/** `reproduced`: whether it came again when the case ran alone; undefined where that was not tried. */
export function brokenResult(
  { id, mode, title, file }: PlannedCase,
  ending: BrokenEnding,
  reproduced: boolean | undefined,
): CaseResult {
  const verdict = verdictOfEnding(ending);
  const { step, line, sent } = ending.at;
  const finding: Finding = {
    step: step === 0 ? 'set-up' : String(step),
    check: ending.kind === 'hang' ? 'progress' : 'alive',
    requirements: [],
    severity: verdict,
    expected: ending.kind === 'hang' ? 'an answer' : 'a device that lives on',
    got: describeEnding(ending),
    ...(sent.length > 0 && { sent: Buffer.from(sent).toString('hex') }),
    ...(line > 0 && { place: `${file}:${line}` }),
    ...(reproduced !== undefined && { reproduced }),
  };
  return { id, title, mode, verdict, durationMs: 0, findings: [finding] };
}
