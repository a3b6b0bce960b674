/** Targets, their units, and the way from a `lun` field to them. */
import { decodeLun } from '../../wire/lun.js';
import type { LogicalUnit } from '../units/logical-unit.js';

/** A SCSI target device with its units by number. */
export class Target {
  readonly id: number;
  readonly units = new Map<number, LogicalUnit>();

  constructor(id: number) {
    this.id = id;
  }

  /** Unit numbers in ascending order. */
  get unitNumbers(): number[] {
    return [...this.units.keys()].sort((a, b) => a - b);
  }
}

/** What a `lun` field leads to. Without a unit: a missing unit of the target, or, without a target, nothing. */
export interface Destination {
  readonly target: Target | undefined;
  readonly unit: LogicalUnit | undefined;
  /** Unit number, where the field holds one. */
  readonly number: number | undefined;
}

export class Topology {
  readonly targets = new Map<number, Target>();
  readonly wellKnown: LogicalUnit;

  /** `wellKnown` makes the REPORT LUNS well-known logical unit. */
  constructor(wellKnown: (topology: Topology) => LogicalUnit) {
    this.wellKnown = wellKnown(this);
  }

  target(id: number): Target {
    let target = this.targets.get(id);
    if (target === undefined) {
      target = new Target(id);
      this.targets.set(id, target);
    }
    return target;
  }

  /** Numbers of the units of a target, in ascending order; none if it does not exist. */
  unitNumbers(id: number): readonly number[] {
    return this.targets.get(id)?.unitNumbers ?? [];
  }

  /** Every unit, in order of target and unit number. */
  *all(): Generator<{ target: Target; number: number; unit: LogicalUnit }> {
    for (const [, target] of [...this.targets].sort(([a], [b]) => a - b))
      for (const number of target.unitNumbers) {
        const unit = target.units.get(number);
        if (unit) yield { target, number, unit };
      }
  }

  /**
   * Resolves a `lun` field. A first byte that addresses no target leads nowhere; an existing target with a LUN that is
   * no single-level one is a missing unit.
   */
  resolve(lun: Uint8Array): Destination {
    const address = decodeLun(lun);
    if (address.kind === 'report-luns-well-known')
      return { target: undefined, unit: this.wellKnown, number: undefined };
    const target = lun[0] === 1 ? this.targets.get(lun[1] ?? 0) : undefined;
    if (address.kind === 'malformed') return { target, unit: undefined, number: undefined };
    return { target, unit: target?.units.get(address.unit), number: address.unit };
  }
}
