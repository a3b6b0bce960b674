/** What a mutant has to know of the device before it departs from what is right. */
import type { Behaviours, RingFeatures } from '../behaviours.js';

/** Looks at the features of each ring as it is made; the function tells those of the newest, undefined before the first. */
export function watchRings(behaviours: Behaviours): () => RingFeatures | undefined {
  let newest: RingFeatures | undefined;
  behaviours.ringFeatures = (features) => {
    newest = features;
    return features;
  };
  return () => newest;
}

/** Counts the commands that units have and have not answered; a device reset ends them all. */
export function watchInFlight(): {
  readonly count: () => number;
  readonly hooks: Pick<Behaviours, 'resets' | 'overrun' | 'answer'>;
} {
  let inFlight = 0;
  return {
    count: () => inFlight,
    hooks: {
      resets: () => {
        inFlight = 0;
        return true;
      },
      overrun: (short) => {
        if (!short) inFlight++;
        return short;
      },
      answer: (answer) => {
        inFlight = Math.max(0, inFlight - 1);
        return answer;
      },
    },
  };
}
