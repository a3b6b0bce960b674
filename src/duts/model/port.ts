/** The worker-thread half of the model: builds it, places its BARs, and offers it as a port. */

import type { Behaviours } from '../../model/behaviours.js';
import { Model } from '../../model/model.js';
import { mutantById } from '../../model/mutants/index.js';
import type { Controls } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { PciAttachment, RegisterWindow } from '../../port/registers.js';
import { pciHeader } from '../../wire/pci.js';
import type { OpenPort } from '../dut.js';
import type { ModelAttach } from './attach.js';
import { ModelDmaSpace } from './dma.js';

/** Where the BARs are placed: any addresses that do not meet the memory. */
const BAR_ADDRESSES: ReadonlyMap<number, bigint> = new Map([
  [0, 0xfeb0_0000n],
  [4, 1n << 46n],
]);

/** Virtual milliseconds by which waiting moves time when nothing is due earlier. */
const WAIT_STEP = 1;

/** Does what firmware does: assigns the BARs. Memory decoding and bus mastering stay off, they are the driver's. */
function placeBars(model: Model): void {
  for (const [index, address] of BAR_ADDRESSES) {
    const offset = pciHeader.fields.bar0.offset + 4 * index;
    model.function.config.write(offset, 4, Number(address & 0xffff_ffffn));
    if (address >> 32n) model.function.config.write(offset + 4, 4, Number(address >> 32n));
  }
}

function barWindow(model: Model, index: number): RegisterWindow | undefined {
  const base = BAR_ADDRESSES.get(index);
  const contents = model.function.config.barContents(index);
  if (base === undefined || contents === undefined) return undefined;
  return {
    size: contents.size,
    read: (offset, width) => model.memoryRead(base + BigInt(offset), width),
    write: (offset, width, value) => model.memoryWrite(base + BigInt(offset), width, value),
    flush: () => {},
    fence: () => {},
  };
}

function attachment(model: Model): PciAttachment {
  const bars = new Map([...BAR_ADDRESSES.keys()].map((index) => [index, barWindow(model, index)]));
  return {
    kind: 'pci',
    config: {
      size: model.function.config.size,
      read: (offset, width) => model.function.config.read(offset, width),
      write: (offset, width, value) => model.function.config.write(offset, width, value),
      flush: () => {},
      fence: () => {},
    },
    bar: (index) => bars.get(index),
  };
}

/** A model in this thread. */
export interface OpenModel {
  readonly port: Port;
  /** Makes the model misbehave from now on; throws `PortError` PORT_SETUP for an unknown mutant. */
  deviate(mutant: string): void;
}

/** Opens a fresh model that behaves until it is told to deviate. */
export function openModel({ transport, config, seed, copying }: ModelAttach): OpenModel {
  let behaviours: Behaviours | undefined;
  const model = new Model(config, seed, (its) => {
    behaviours = its;
  });
  placeBars(model);
  const controls: Controls = {
    offered: new Set(['power-cycle']),
    invoke: (name) => {
      if (name !== 'power-cycle') throw new PortError('CONTROL_REFUSED', `the model has no control ${name}`);
      model.powerCycle();
      placeBars(model);
    },
  };
  const port: Port = {
    transport,
    attachment: attachment(model),
    dma: new ModelDmaSpace(model.memory.regions, copying),
    clock: { now: () => model.clock.now(), relax: () => model.clock.step(WAIT_STEP) },
    lifecycle: { alive: () => true, settle: () => model.clock.drain() },
    controls,
    close: () => {},
  };
  return {
    port,
    deviate: (id) => {
      const mutant = mutantById(id);
      if (mutant === undefined) throw new PortError('PORT_SETUP', `the model has no mutant ${id}`);
      if (behaviours) mutant.apply(behaviours);
    },
  };
}

/** Opens a fresh model, a mutant from the start if one is named; throws `PortError` PORT_SETUP for an unknown one. */
export const openModelPort: OpenPort<ModelAttach> = (attach): Port => {
  const { port, deviate } = openModel(attach);
  if (attach.mutant !== undefined) deviate(attach.mutant);
  return port;
};
