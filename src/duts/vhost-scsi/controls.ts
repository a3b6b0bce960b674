/** What can be done to units of LIO besides talking to them. */
import type { Control, ControlCapability, UnitAddress } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import type { LioPort } from './lio.js';

/** What every kernel offers. */
export const VHOST_SCSI_CONTROLS: readonly ControlCapability[] = ['plug'];

export class LioControls {
  readonly #port: LioPort;
  /** Addresses of units that were plugged by a control, which nobody wants back. */
  readonly #fresh = new Set<string>();

  constructor(port: LioPort) {
    this.#port = port;
  }

  /** Carries a control out; throws `PortError` CONTROL_REFUSED. */
  invoke(control: Control): void {
    try {
      this.#carryOut(control);
    } catch (error) {
      if (error instanceof PortError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PortError('CONTROL_REFUSED', reason, { cause: error });
    }
  }

  #carryOut(control: Control): void {
    switch (control.name) {
      case 'plug':
        if (control.fresh) this.#plug(control.at, control.fresh);
        else if (!this.#port.replug(control.at)) refuse(`no unit was unplugged from ${place(control.at)}`);
        break;
      case 'unplug':
        this.#port.unplug(control.at);
        if (this.#fresh.delete(place(control.at))) this.#port.forget(control.at);
        break;
      default:
        refuse(`the kernel has no control ${control.name}`);
    }
  }

  #plug(
    at: UnitAddress,
    { kind, blocks, blockSize }: NonNullable<Extract<Control, { name: 'plug' }>['fresh']>,
  ): void {
    if (kind !== 'disk') refuse(`LIO has no ${kind} of its own`);
    if (!this.#port.hasTarget(at.target))
      refuse(`target ${at.target} was not there when the driver started the device`);
    this.#port.plug({
      ...at,
      serial: `VSCSI-NEW-${at.target}-${at.unit}`,
      backstore: { kind: 'ramdisk', bytes: blocks * blockSize },
      blockSize,
    });
    this.#fresh.add(place(at));
  }
}

function place({ target, unit }: UnitAddress): string {
  return `${target}:${unit}`;
}

function refuse(why: string): never {
  throw new PortError('CONTROL_REFUSED', why);
}
