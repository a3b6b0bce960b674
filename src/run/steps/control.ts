/** `control`: what is done to a device besides talking to it. */
import { CaseError } from '../../cases/errors.js';
import type { ControlStep, LunSpec } from '../../cases/types.js';
import type { ControlName } from '../../port/controls.js';
import type { CaseRun } from '../case-run.js';

export function executeControl(step: ControlStep, run: CaseRun): void {
  const { controls } = run.session.port;
  const name = step.control as ControlName;
  if (!controls.offered.has(name))
    throw new CaseError('NOT_AVAILABLE', `this device offers no control ${step.control}`);
  const units = step.units.map((unit) => addressOf(unit, run));
  controls.invoke(name, { units });
  if (name === 'power-cycle') run.session.driver.powerCycled();
  if (name === 'hold') run.holding(units);
}

function addressOf(lun: LunSpec, run: CaseRun): { target: number; unit: number } {
  const found = lun.kind === 'unit' ? run.session.unit(lun.name) : undefined;
  if (found === undefined) throw new CaseError('NOT_AVAILABLE', 'a control takes a unit that the device has');
  return { target: found.profile.target, unit: found.profile.unit };
}
