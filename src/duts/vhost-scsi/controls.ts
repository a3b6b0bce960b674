/** What can be done to units of LIO besides talking to them. */
import type { Control, ControlCapability, UnitAddress } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import type { MappedDisk } from './mapped-disks.js';
import type { Units } from './units.js';

/** What every kernel offers, and what block devices add. */
const ALWAYS: readonly ControlCapability[] = ['plug'];
const WITH_BLOCK_DEVICES: readonly ControlCapability[] = ['hold', 'resize', 'fault'];

export class LioControls {
  readonly #units: Units;
  /** Addresses of units that were plugged by a control, which nobody wants back. */
  readonly #fresh = new Set<string>();

  constructor(units: Units) {
    this.#units = units;
  }

  get offered(): readonly ControlCapability[] {
    return this.#units.mappable ? [...ALWAYS, ...WITH_BLOCK_DEVICES] : ALWAYS;
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
        else if (!this.#units.replug(control.at)) refuse(`no unit was unplugged from ${place(control.at)}`);
        break;
      case 'unplug':
        this.#units.unplug(control.at);
        if (this.#fresh.delete(place(control.at))) this.#units.forget(control.at);
        break;
      case 'hold':
        for (const disk of control.units.map((at) => this.#disk(at))) disk.hold();
        break;
      case 'release':
        for (const at of control.units) this.#units.mapped(at)?.release();
        break;
      case 'resize':
        this.#disk(control.at).resize(control.blocks);
        break;
      case 'fault':
        if (control.error !== 'medium') refuse(`a block device does not fail as ${control.error}`);
        this.#disk(control.at).fail(control.on);
        break;
      case 'clear':
        this.#disk(control.at).clear();
        break;
      default:
        refuse(`the kernel has no control ${control.name}`);
    }
  }

  #disk(at: UnitAddress): MappedDisk {
    return this.#units.mapped(at) ?? refuse(`unit ${place(at)} is not on a block device`);
  }

  #plug(
    at: UnitAddress,
    { kind, blocks, blockSize }: NonNullable<Extract<Control, { name: 'plug' }>['fresh']>,
  ): void {
    if (kind !== 'disk') refuse(`LIO has no ${kind} of its own`);
    if (!this.#units.hasTarget(at.target))
      refuse(`target ${at.target} was not there when the driver started the device`);
    this.#units.plug({
      ...at,
      serial: `VSCSI-NEW-${at.target}-${at.unit}`,
      kind: 'block',
      bytes: blocks * blockSize,
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
