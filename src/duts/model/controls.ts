/** What can be done to a model besides talking to it. */
import type { Model } from '../../model/model.js';
import type { ControlArgument, ControlName, Controls } from '../../port/controls.js';

type Act = (argument: ControlArgument) => void;

/** The controls of a model. `powerCycled` does what firmware does after power was lost. */
export function modelControls(model: Model, powerCycled: () => void): Controls {
  const acts: Readonly<Record<ControlName, Act>> = {
    'power-cycle': () => {
      model.powerCycle();
      powerCycled();
    },
    hold: ({ units }) => {
      for (const { target, unit } of units) model.hold(target, unit);
    },
    release: ({ units }) => {
      for (const { target, unit } of units) model.release(target, unit);
    },
    'config-change': () => model.changeConfiguration(),
  };
  return {
    offered: new Set(Object.keys(acts) as ControlName[]),
    invoke: (name, argument = { units: [] }) => acts[name](argument),
  };
}
