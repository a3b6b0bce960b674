/** The controls that a case uses, and what puts the device back to how it was before. */
import type { Control, Controls, UnitAddress } from '../port/controls.js';
import type { Session } from './session.js';

/** What has to be done to undo one thing, by the unit that it concerns. */
interface Undo {
  readonly at: UnitAddress;
  readonly control: Control;
}

const same = (a: UnitAddress, b: UnitAddress) => a.target === b.target && a.unit === b.unit;

/** The controls of a case. All that it does by them is undone at its end, so that no case changes the next one. */
export class CaseControls {
  readonly #controls: Controls;
  readonly #session: Session;
  #undo: Undo[] = [];
  #held: UnitAddress[] = [];

  constructor(session: Session) {
    this.#controls = session.port.controls;
    this.#session = session;
  }

  /** Carries a control out; throws `PortError` CONTROL_REFUSED or `DutGoneError`. */
  invoke(control: Control): void {
    this.#controls.invoke(control);
    this.#note(control);
  }

  /** Addresses of units that the case has plugged. */
  get plugged(): readonly UnitAddress[] {
    return this.#undo.flatMap(({ at, control }) => (control.name === 'unplug' ? [at] : []));
  }

  /** No unit stays held. */
  letGo(): void {
    const units = this.#held;
    this.#held = [];
    if (units.length > 0) this.#controls.invoke({ name: 'release', units });
  }

  /** Units, media, sizes and faults are as before the case. All of it is tried; throws what was refused first. */
  undo(): void {
    let refused: unknown;
    for (const deed of [
      () => this.letGo(),
      ...this.#undo.reverse().map(
        ({ control }) =>
          () =>
            this.#controls.invoke(control),
      ),
    ])
      try {
        deed();
      } catch (error) {
        refused ??= error;
      }
    this.#undo = [];
    if (refused !== undefined) throw refused;
  }

  #note(control: Control): void {
    switch (control.name) {
      case 'hold':
        this.#held.push(...control.units);
        break;
      case 'release':
        this.#held = this.#held.filter((unit) => !control.units.some((each) => same(each, unit)));
        break;
      case 'plug':
        if (control.fresh) this.#push(control.at, { name: 'unplug', at: control.at });
        else this.#drop(control.at, 'plug');
        break;
      case 'unplug':
        this.#unplugged(control.at);
        break;
      case 'eject':
      case 'insert':
        this.#drop(control.at, 'insert');
        if (control.name === 'eject' || control.medium !== 'usual')
          this.#push(control.at, { name: 'insert', at: control.at, medium: 'usual' });
        break;
      case 'resize': {
        const before = this.#sizeOf(control.at);
        this.#drop(control.at, 'resize');
        if (before !== undefined) this.#push(control.at, { name: 'resize', at: control.at, blocks: before });
        break;
      }
      case 'fault':
        this.#push(control.at, { name: 'clear', at: control.at });
        break;
      case 'clear':
        this.#drop(control.at, 'clear');
        break;
    }
  }

  /** A unit that the case has plugged need not come back, and what was done to it went with it. */
  #unplugged(unit: UnitAddress): void {
    this.#held = this.#held.filter((each) => !same(each, unit));
    const own = this.#undo.findLastIndex(({ at, control }) => control.name === 'unplug' && same(at, unit));
    if (own < 0) this.#push(unit, { name: 'plug', at: unit });
    else this.#undo = this.#undo.filter(({ at }, index) => index < own || !same(at, unit));
  }

  #push(at: UnitAddress, control: Control): void {
    this.#undo.push({ at, control });
  }

  /** What would undo this is not needed any more. */
  #drop(unit: UnitAddress, name: Control['name']): void {
    this.#undo = this.#undo.filter(({ at, control }) => control.name !== name || !same(at, unit));
  }

  /** Blocks of a unit of the profile; a plugged one goes, whatever its size. */
  #sizeOf(at: UnitAddress): number | undefined {
    return this.#session.units.find(({ profile }) => same(profile, at))?.blocks;
  }
}
