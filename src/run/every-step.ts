import type { Step } from '../cases/types.js';

/** Each step of a case, those in the bodies of repeats after the repeat itself. */
export function* everyStep(steps: readonly Step[]): Generator<Step, void, undefined> {
  for (const step of steps) {
    yield step;
    if (step.kind !== 'repeat') continue;
    const bodies = step.rounds.kind === 'variants' ? step.rounds.variants : [step.rounds];
    for (const body of bodies) yield* everyStep(body.steps);
  }
}
