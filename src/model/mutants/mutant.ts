/** Mutants: named deviations of the model, each of which proves that some case can fail. */
import type { Behaviours } from '../behaviours.js';

export interface Mutant {
  /** Stable name, `area.what-is-wrong`. */
  readonly id: string;
  /** What this device does wrong, in one sentence. */
  readonly sentence: string;
  /** Id of the requirement that it breaks, of either catalogue, where one says it. */
  readonly requirement?: string;
  /** Where the idea is from: `layout` for one made from a table, `museum <id>` for a historical bug, `test` otherwise. */
  readonly source: 'layout' | 'generic' | 'test' | `museum ${string}`;
  /** Its behaviours act on the device besides what they return: who asks what they would do must see to it that they cannot. */
  readonly acts?: true;
  /** Replaces what is to go wrong. */
  apply(behaviours: Behaviours): void;
}
