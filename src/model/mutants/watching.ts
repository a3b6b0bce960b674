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
