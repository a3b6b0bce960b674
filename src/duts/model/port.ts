/** The worker-thread half of the model: builds it for a transport and offers it as a port. */

import type { Behaviours } from '../../model/behaviours.js';
import { Model } from '../../model/model.js';
import type { Port } from '../../port/port.js';
import type { ModelAttach } from './attach.js';
import { attachmentOf, busOf, placeBars } from './attachment.js';
import { modelControls } from './controls.js';
import { ModelDmaSpace } from './dma.js';

/** Virtual milliseconds by which waiting moves time when nothing is due earlier. */
const WAIT_STEP = 1;

/** A model in this thread. */
export interface OpenModel {
  readonly port: Port;
  /** Changes how the model behaves from now on. */
  change(how: (behaviours: Behaviours) => void): void;
}

/** Opens a fresh model that behaves until it is changed. */
export function openModel({ transport, config, seed, copying }: ModelAttach): OpenModel {
  let change: OpenModel['change'] = () => {};
  const bus = busOf(transport);
  const model = new Model({ ...config, bus }, seed, (behaviours) => {
    change = (how) => how(behaviours);
  });
  placeBars(model, bus);
  const port: Port = {
    transport,
    attachment: attachmentOf(model, bus),
    dma: new ModelDmaSpace(model.memory.regions, copying),
    clock: { now: () => model.clock.now(), relax: () => model.clock.step(WAIT_STEP) },
    lifecycle: { alive: () => true, settle: () => model.clock.drain() },
    controls: modelControls(model, () => placeBars(model, bus)),
    close: () => {},
  };
  return { port, change };
}
