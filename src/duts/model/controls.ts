/** What can be done to a model besides talking to it. */
import { ModelConfigError } from '../../model/errors.js';
import type { Model } from '../../model/model.js';
import { cdromConfig, diskConfig, type UnitConfig } from '../../model/model-config.js';
import type { AccessFault } from '../../model/units/logical-unit.js';
import {
  CONTROL_CAPABILITIES,
  type Control,
  type Controls,
  type FaultError,
  type NewUnit,
  type UnitAddress,
} from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import { Response } from '../../wire/virtio-scsi.js';

const FAULTS: Readonly<Record<FaultError, AccessFault>> = {
  medium: 'medium',
  deferred: 'deferred',
  transport: { response: Response.TRANSPORT_FAILURE },
  target: { response: Response.TARGET_FAILURE },
  nexus: { response: Response.NEXUS_FAILURE },
  busy: { response: Response.BUSY },
};

function unitConfig({ target, unit }: UnitAddress, { kind, blocks, blockSize }: NewUnit): UnitConfig {
  const serial = `VSCSI-NEW-${target}-${unit}`;
  if (kind === 'cdrom') return { ...cdromConfig(target, unit, serial, BigInt(blocks)), blockSize };
  return diskConfig(target, unit, serial, { blocks: BigInt(blocks), blockSize });
}

/** The controls of a model. `powerCycled` does what firmware does after power was lost. */
export function modelControls(model: Model, powerCycled: () => void): Controls {
  const invoke = (control: Control) => {
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
      case 'plug':
        if (control.fresh) model.plug(unitConfig(control.at, control.fresh));
        else model.replug(control.at.target, control.at.unit);
        break;
      case 'unplug':
        model.unplug(control.at.target, control.at.unit);
        break;
      case 'eject':
        model.eject(control.at.target, control.at.unit);
        break;
      case 'insert':
        model.insert(control.at.target, control.at.unit, control.medium);
        break;
      case 'resize':
        model.resize(control.at.target, control.at.unit, BigInt(control.blocks));
        break;
      case 'fault':
        model.setFault(control.at.target, control.at.unit, control.on, FAULTS[control.error]);
        break;
      case 'clear':
        model.clearFaults(control.at.target, control.at.unit);
        break;
      case 'reset-unit':
        model.resetUnit(control.at.target, control.at.unit);
        break;
    }
  };
  return {
    offered: new Set(CONTROL_CAPABILITIES),
    invoke(control) {
      try {
        invoke(control);
      } catch (error) {
        if (!(error instanceof ModelConfigError)) throw error;
        throw new PortError('CONTROL_REFUSED', `the model: ${error.message}`);
      }
    },
  };
}
