/** Ports of models that deviate. Apart from the others, because the catalogue of mutants takes long to load. */
import { mutantById } from '../../model/mutants/index.js';
import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { OpenPort } from '../dut.js';
import type { ModelAttach } from './attach.js';
import { openModel } from './port.js';

/** Opens a fresh model, a mutant from the start if one is named; throws `PortError` PORT_SETUP for an unknown one. */
export const openModelPort: OpenPort<ModelAttach> = (attach): Port => {
  const { port, change } = openModel(attach);
  if (attach.mutant !== undefined) {
    const mutant = mutantById(attach.mutant);
    if (mutant === undefined) throw new PortError('PORT_SETUP', `the model has no mutant ${attach.mutant}`);
    change((behaviours) => mutant.apply(behaviours));
  }
  return port;
};
