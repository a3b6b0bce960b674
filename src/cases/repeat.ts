/** Going through the rounds of a `repeat`. */
import { axisValues, bindings } from './compile-axes.js';
import type { EvalContext } from './context.js';
import type { ReadonlyScope, RepeatStep, ScopeValue, Step } from './types.js';

/** One round: names to bind, then steps to run. */
export interface Round {
  readonly bind: ReadonlyMap<string, ScopeValue>;
  readonly steps: readonly Step[];
}

/** The rounds of a `repeat`. The values are computed once, before the first round. Throws `CaseError`. */
export function* rounds(step: RepeatStep, scope: ReadonlyScope, context: EvalContext): Generator<Round> {
  if (step.rounds.kind === 'variants') {
    yield* step.rounds.variants;
    return;
  }
  const { values, steps } = step.rounds;
  for (const value of axisValues(values, scope, context)) yield { bind: bindings(step.name, value), steps };
}
