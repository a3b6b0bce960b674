/** Many units: a device filled up with small disks, evenly over its targets. */
import type { UnitAddress } from '../port/controls.js';

/** How many units a device is to have. */
export interface Scale {
  /** Targets 0 to one less than this. */
  readonly targets: number;
  /** All units of the device; those that it has anyway are among them, and the last of those go if they are too many. */
  readonly units: number;
}

/** Bytes of the medium of a disk that fills up; nothing is kept of what is written to it. */
export const FILLING_BYTES = 2 ** 20;

/** The units of `own` that stay, and the addresses of those that are missing. */
export function fillUp<U extends UnitAddress>(
  own: readonly U[],
  { targets, units }: Scale,
): { readonly own: readonly U[]; readonly added: readonly UnitAddress[] } {
  const kept = own.slice(0, units);
  const taken = new Set(kept.map(({ target, unit }) => `${target}:${unit}`));
  const added: UnitAddress[] = [];
  for (let i = 0; kept.length + added.length < units; i++) {
    const at = { target: i % targets, unit: Math.floor(i / targets) };
    if (!taken.has(`${at.target}:${at.unit}`)) added.push(at);
  }
  return { own: kept, added };
}

/** The first number from 0 that is not taken. */
export function firstFree(taken: Iterable<number>): number {
  const set = new Set(taken);
  let free = 0;
  while (set.has(free)) free++;
  return free;
}
