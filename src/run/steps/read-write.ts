/** `read`, `write` and `kick`: locations and notifications by hand. */

import { patternSize } from '../../cases/byte-pattern.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import { type Judged, matchSeen } from '../../cases/expect.js';
import { resolveBytes, resolveInteger } from '../../cases/resolve.js';
import type { BytePattern, KickStep, ReadStep, SeenExpectation, WriteStep } from '../../cases/types.js';
import { waitUntil } from '../../harness/wait.js';
import type { CaseRun } from '../case-run.js';
import { readLocation, writeLocation } from './locations.js';

/** The patterns that a read is compared with. */
function patternsOf(expect: SeenExpectation | undefined): BytePattern[] {
  const matchers = (expect?.blocks ?? []).flatMap(({ value, oneOf }) => [
    ...(value ? [value] : []),
    ...(oneOf ?? []).map((one) => one.value),
  ]);
  return matchers.flatMap((matcher) => (matcher.kind === 'bytes' ? [matcher.pattern] : []));
}

export function executeRead(step: ReadStep, run: CaseRun): void {
  const { scope, context, session } = run;
  // A medium is read as far as the pattern reaches, a block if it does not say how far.
  const mediumSize = (blockSize: number) => {
    const sizes = patternsOf(step.expect).map(
      (pattern) => patternSize(pattern, scope, { ...context, blockSize }) ?? blockSize,
    );
    return Math.max(blockSize, Math.ceil(Math.max(0, ...sizes) / blockSize) * blockSize);
  };
  const look = () => {
    const value = readLocation(step.location, run, mediumSize);
    run.trace?.access('read', step.location.text, value);
    return value;
  };
  const judge = (seen: bigint | Uint8Array): Judged | undefined =>
    step.expect && matchSeen(step.expect, seen, scope, { ...context, ...unitBlockSize(step, run) });
  let seen = look();
  let judged = judge(seen);
  if (step.within !== undefined && !holds(judged))
    waitUntil(session.port, step.within, () => {
      seen = look();
      judged = judge(seen);
      return holds(judged);
    });
  if (step.as !== undefined) run.capture(new Map([[step.as, seen]]));
  if (judged) run.judge(judged, true);
}

/** Whether nothing better may come: what an alternative passes only with a verdict may be on its way to another. */
function holds(judged: Judged | undefined): boolean {
  return (
    judged === undefined ||
    (judged.mismatches.length === 0 && judged.alternatives.every(({ verdict }) => verdict === undefined))
  );
}

/** Counts in blocks mean those of the unit whose medium is read. */
function unitBlockSize({ location }: ReadStep, run: CaseRun): { blockSize?: number } {
  const unit = location.kind === 'medium' ? run.session.unit(location.unit) : undefined;
  return unit ? { blockSize: unit.blockSize } : {};
}

export function executeWrite(step: WriteStep, run: CaseRun): void {
  const { scope, context } = run;
  for (const { location, value } of step.writes) {
    const what =
      value.kind === 'number'
        ? resolveInteger(value.number, scope, context)
        : resolveBytes(value.pattern, scope, context);
    run.trace?.access('write', location.text, what);
    writeLocation(location, what, run);
  }
  // All writes of a step reach the device at one stroke where the port can do that.
  run.session.transport.fence();
}

export function executeKick(step: KickStep, run: CaseRun): void {
  const { scope, context } = run;
  const queue = evaluateNumber(step.queue, scope, context, 65535);
  run.session.driver.kick(queue, step.value && evaluateNumber(step.value, scope, context, 0xffffffff));
}
