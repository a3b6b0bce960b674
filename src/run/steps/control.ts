/** `control`: what is done to a device besides talking to it. */
import { CaseError } from '../../cases/errors.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveLun } from '../../cases/resolve.js';
import type { ControlPlan, ControlStep, Expression, LunSpec, PlannedUnit } from '../../cases/types.js';
import { type Control, capabilityFor, type NewUnit, type UnitAddress } from '../../port/controls.js';
import { decodeLun, MAX_UNIT } from '../../wire/lun.js';
import type { CaseRun } from '../case-run.js';

/** Blocks of a unit that is plugged or resized: what a file can be made for, whatever the size of a block. */
const MAX_BLOCKS = 2 ** 32;
const MAX_BLOCK_SIZE = 65536;

export function executeControl({ control: plan }: ControlStep, run: CaseRun): void {
  const control = resolve(plan, run);
  const capability = capabilityFor(control);
  if (capability !== undefined && !run.session.port.controls.offered.has(capability))
    throw new CaseError('NOT_AVAILABLE', `this device offers no control ${capability}`);
  if (control.name !== 'hold' && control.name !== 'release') run.session.driver.provoked();
  run.controls.invoke(control);
  if (control.name === 'power-cycle') run.session.driver.powerCycled();
  if (plan.name === 'plug' && plan.fresh && control.name === 'plug' && control.fresh)
    bind(plan.fresh.as, control.at, control.fresh, run);
}

function resolve(plan: ControlPlan, run: CaseRun): Control {
  switch (plan.name) {
    case 'hold':
    case 'release':
      return { name: plan.name, units: plan.units.map((unit) => addressOf(unit, run)) };
    case 'plug': {
      if (!plan.fresh) return { name: 'plug', at: addressOf(plan.at, run) };
      const given = addressOf(plan.at, run);
      const at = plan.fresh.beside ? freeBeside(given, run) : given;
      return { name: 'plug', at, fresh: newUnit(plan.fresh, run) };
    }
    case 'resize':
      return { name: 'resize', at: addressOf(plan.at, run), blocks: number(plan.blocks, run, MAX_BLOCKS) };
    case 'config-change':
    case 'power-cycle':
      return { name: plan.name };
    default:
      return { ...plan, at: addressOf(plan.at, run) };
  }
}

function newUnit({ kind, blocks, blockSize }: PlannedUnit, run: CaseRun): NewUnit {
  return {
    kind,
    blocks: number(blocks, run, MAX_BLOCKS),
    blockSize: number(blockSize, run, MAX_BLOCK_SIZE),
  };
}

function number(expression: Expression, run: CaseRun, most: number): number {
  return evaluateNumber(expression, run.scope, run.context, most);
}

function addressOf(lun: LunSpec, run: CaseRun): UnitAddress {
  const bytes = resolveLun(lun, run.scope, run.context);
  const address = decodeLun(bytes);
  if (address.kind !== 'unit') throw new CaseError('NOT_AVAILABLE', 'a control takes the address of a unit');
  return { target: address.target, unit: address.unit };
}

/** A unit number that is free on the target: the one that the profile says is, or one above all that it lists. */
function freeBeside({ target }: UnitAddress, run: CaseRun): UnitAddress {
  const { profile } = run.session;
  const taken = [...profile.units, ...run.controls.plugged]
    .filter((each) => each.target === target)
    .map(({ unit }) => unit);
  const { freeUnit } = profile;
  if (freeUnit?.target === target && !taken.includes(freeUnit.unit)) return freeUnit;
  const unit = Math.max(-1, ...taken) + 1;
  if (unit > MAX_UNIT) throw new CaseError('NOT_AVAILABLE', `target ${target} has no free unit number`);
  return { target, unit };
}

/** Makes the facts of a new unit known under the name that the case gave it. */
function bind(
  name: string,
  { target, unit }: UnitAddress,
  { blocks, blockSize }: NewUnit,
  run: CaseRun,
): void {
  const facts = { target, unit, blocks, block_size: blockSize };
  run.capture(new Map(Object.entries(facts).map(([fact, value]) => [`${name}.${fact}`, BigInt(value)])));
}
