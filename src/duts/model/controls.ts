/** What can be done to a model besides talking to it. */
import type { Model } from '../../model/model.js';
import type { Controls } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';

/** The controls of a model. `powerCycled` does what firmware does after power was lost. */
export function modelControls(model: Model, powerCycled: () => void): Controls {
  return {
    offered: new Set(['power-cycle', 'hold', 'config-change']),
    invoke(control) {
      switch (control.name) {
        case 'power-cycle':
          model.powerCycle();
          powerCycled();
          break;
        case 'hold':
          for (const { target, unit } of control.units) model.hold(target, unit);
          break;
        case 'release':
          for (const { target, unit } of control.units) model.release(target, unit);
          break;
        case 'config-change':
          model.changeConfiguration();
          break;
        default:
          throw new PortError('CONTROL_REFUSED', `the model has no control ${control.name}`);
      }
    },
  };
}
