/** MSI-X messages that are told to somebody instead of being written to memory. */
import type { Behaviours } from '../model/behaviours.js';

/** How a model behaves that behaves as `change` has it, but for where its messages go: `tell` gets the vector of each. */
export function divertMessages(
  change: (behaviours: Behaviours) => void,
  tell: (vector: number) => void,
): (behaviours: Behaviours) => void {
  return (behaviours) => {
    change(behaviours);
    const chosen = behaviours.msixVector;
    behaviours.msixVector = (vector) => {
      const sent = chosen(vector);
      if (sent !== undefined) tell(sent);
      return undefined;
    };
  };
}
