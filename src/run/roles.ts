/** Roles: names for units, by which cases address them. */
import { DeviceType } from '../wire/scsi/inquiry.js';
import type { ProbedUnit } from './probe.js';

/** A role and the unit that plays it. */
export interface Binding {
  readonly role: string;
  readonly unit: ProbedUnit;
}

/**
 * Roles of units: the first unit that fits each, those that can be written before those that cannot, those without
 * protection information before those with it, media that stay before those that go, then scratch units first, and never one unit for two plain roles.
 */
export function bindRoles(units: readonly ProbedUnit[]): Binding[] {
  const disks = units.filter(({ deviceType, blocks }) => deviceType === DeviceType.DISK && blocks > 0);
  const hasProtection = ({ limits }: ProbedUnit) => (limits.protection_type ?? 0n) !== 0n;
  // With eight bytes of it for each block, as cases have it.
  const hasType = ({ limits }: ProbedUnit, type: bigint) =>
    limits.protection_type === type && (limits.protection_exponent ?? 0n) === 0n;
  const isRemovable = ({ limits }: ProbedUnit) => limits.removable === 1n;
  const isReadOnly = ({ limits }: ProbedUnit) => limits.read_only === 1n;
  const byScratch = [...disks].sort(
    (a, b) =>
      Number(isReadOnly(a)) - Number(isReadOnly(b)) ||
      Number(hasProtection(a)) - Number(hasProtection(b)) ||
      Number(isRemovable(a)) - Number(isRemovable(b)) ||
      Number(b.scratch) - Number(a.scratch),
  );
  const first = (role: string, fits: (unit: ProbedUnit) => boolean, among = byScratch): Binding[] => {
    const unit = among.find(fits);
    return unit ? [{ role, unit }] : [];
  };
  const disk = first('disk', () => true);
  return [
    ...disk,
    ...first('disk2', (unit) => unit !== disk[0]?.unit),
    ...first('disk-4k', ({ blockSize }) => blockSize === 4096),
    ...first('disk-pi', (unit) => hasType(unit, 1n)),
    ...first('disk-pi2', (unit) => hasType(unit, 2n)),
    ...first('disk-pi3', (unit) => hasType(unit, 3n)),
    ...first('disk-read-only', isReadOnly),
    ...first('disk-removable', isRemovable),
    ...first('cdrom', ({ deviceType }) => deviceType === DeviceType.CDROM, [...units]),
    ...first('tape', ({ deviceType }) => deviceType === DeviceType.TAPE, [...units]),
  ];
}
