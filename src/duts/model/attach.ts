/** What crosses from the adapter to the port of the model: everything that makes one up. */
import type { ModelConfig } from '../../model/model-config.js';
import type { TransportName } from '../../port/transport-name.js';

/** Can be structured-cloned. */
export interface ModelAttach {
  readonly transport: TransportName;
  readonly config: ModelConfig;
  /** Decides where the memory lies. */
  readonly seed: number;
  /** Id of a mutant. */
  readonly mutant?: string;
  /** Hand out copies of the memory, so that `publish` and `fetch` matter as they do on a device without shared memory. */
  readonly copying: boolean;
}
