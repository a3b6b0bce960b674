/** Persistent reservation of a unit (SPC-5, "Persistent reservations"), as far as one I_T nexus can see it. */

/** TYPE values. */
export const ReservationType = {
  WRITE_EXCLUSIVE: 1,
  EXCLUSIVE_ACCESS: 3,
  WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 5,
  EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 6,
  WRITE_EXCLUSIVE_ALL_REGISTRANTS: 7,
  EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 8,
} as const;

const TYPES: ReadonlySet<number> = new Set(Object.values(ReservationType));
const ALL_REGISTRANTS: ReadonlySet<number> = new Set([
  ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS,
  ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS,
]);

/** What a service action comes to. */
export type ReservationOutcome = 'good' | 'conflict' | 'invalid-parameter' | 'invalid-release';

/** Registration and reservation. They outlive every reset, and end with the power. */
export class PersistentReservation {
  /** PRGENERATION. */
  generation = 0;
  /** Key under which the nexus is registered; 0 when it is not. */
  key = 0n;
  /** TYPE of the reservation that the nexus holds. */
  held: number | undefined;

  static isType(type: number): boolean {
    return TYPES.has(type);
  }

  /** READ RESERVATION shows no key for the "all registrants" types. */
  get shownKey(): bigint {
    return this.held !== undefined && ALL_REGISTRANTS.has(this.held) ? 0n : this.key;
  }

  /** REGISTER, and REGISTER AND IGNORE EXISTING KEY when `key` is left out. A new key of 0 ends the registration. */
  register(newKey: bigint, key?: bigint): ReservationOutcome {
    if (key !== undefined && key !== this.key) return 'conflict';
    this.generation = (this.generation + 1) >>> 0;
    this.key = newKey;
    if (newKey === 0n) this.held = undefined;
    return 'good';
  }

  reserve(key: bigint, type: number): ReservationOutcome {
    if (!this.#registered(key)) return 'conflict';
    if (this.held !== undefined && this.held !== type) return 'conflict';
    this.held = type;
    return 'good';
  }

  /** Releasing when nothing is reserved is no error. */
  release(key: bigint, type: number): ReservationOutcome {
    if (!this.#registered(key)) return 'conflict';
    if (this.held === undefined) return 'good';
    if (this.held !== type) return 'invalid-release';
    this.held = undefined;
    return 'good';
  }

  clear(key: bigint): ReservationOutcome {
    if (!this.#registered(key)) return 'conflict';
    this.generation = (this.generation + 1) >>> 0;
    this.key = 0n;
    this.held = undefined;
    return 'good';
  }

  /** PREEMPT: with one nexus the only key that can be preempted is its own, whose registration stays. */
  preempt(key: bigint, victim: bigint, type: number): ReservationOutcome {
    if (!this.#registered(key)) return 'conflict';
    const everybody = this.held !== undefined && ALL_REGISTRANTS.has(this.held);
    if (victim === 0n && !everybody) return 'invalid-parameter';
    if (victim !== 0n && victim !== this.key) return 'conflict';
    this.generation = (this.generation + 1) >>> 0;
    if (this.held !== undefined) this.held = type;
    return 'good';
  }

  #registered(key: bigint): boolean {
    return this.key !== 0n && this.key === key;
  }
}
