/**
 * Which cases a mutant touches: those in which it does something else than a conformant device would. It is found out
 * by looking on: while the cases run on the model as it is, each replaced behaviour is asked what it would have
 * returned. A case that a mutant does not touch runs on it as on the model, so that it need not be run.
 */
import { type Behaviours, conformantBehaviours } from '../model/behaviours.js';
import type { Mutant } from '../model/mutants/mutant.js';

/** By mutant: expanded ids of the cases that it touches. */
export type Touched = ReadonlyMap<string, ReadonlySet<string>>;

type Behaviour = (...args: readonly unknown[]) => unknown;

/** These act on the device instead of returning something: they cannot be asked without being obeyed. */
const ACTING: ReadonlySet<string> = new Set<keyof Behaviours>(['returning', 'faulted', 'kickedRing']);
/** What these get is not the conformant answer, but a function that makes it; by the place of that argument. */
const MAKING: ReadonlyMap<string, number> = new Map([
  ['perform', 1],
  ['manage', 0],
] satisfies readonly [keyof Behaviours, number][]);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Whether two answers say the same. Units, rings and the like are what they are, and never looked into. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, i) => isSame(item, other[i]));
  if (!isRecord(one) || !isRecord(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSame(one[key], other[key]));
}

/** Whether a behaviour would return something else than `right`; one that throws would, too. */
function differs(name: string, behaviour: Behaviour, args: readonly unknown[], right: unknown): boolean {
  if (ACTING.has(name)) return true;
  const place = MAKING.get(name);
  let made = 0;
  const asked = args.map((arg, index) => {
    if (index !== place) return arg;
    return () => {
      // It may ask again until the answer is another, which it never is here.
      made += 1;
      if (made > 1) throw new RangeError('asked again');
      return right;
    };
  });
  try {
    return !isSame(behaviour(...asked), right) || (place !== undefined && made !== 1);
  } catch {
    return true;
  }
}

/** Looks on while cases run. */
export class TouchRecorder {
  readonly #mutants: readonly Mutant[];
  readonly #touched: ReadonlyMap<string, Set<string>>;
  /** Of the mutants that the present case has not touched yet. */
  #waiting = new Set<string>();
  #caseId = '';

  constructor(mutants: readonly Mutant[]) {
    this.#mutants = mutants;
    this.#touched = new Map(mutants.map(({ id }) => [id, new Set()]));
  }

  /** Looks at a model through its behaviours, which go on as they are. */
  watch(behaviours: Behaviours): void {
    const right = conformantBehaviours();
    const replaced = new Map<string, [Mutant, Behaviour][]>();
    for (const mutant of this.#mutants) {
      const its = { ...right };
      mutant.apply(its);
      for (const [name, behaviour] of Object.entries(its)) {
        if (behaviour === right[name as keyof Behaviours]) continue;
        replaced.set(name, [...(replaced.get(name) ?? []), [mutant, behaviour as Behaviour]]);
      }
    }
    for (const [name, others] of replaced) {
      const own = behaviours[name as keyof Behaviours] as Behaviour;
      const looking: Behaviour = (...args) => {
        const returned = own(...args);
        for (const [{ id, acts }, behaviour] of others) {
          if (this.#waiting.has(id) && (acts || differs(name, behaviour, args, returned))) this.#touch(id);
        }
        return returned;
      };
      Object.assign(behaviours, { [name]: looking });
    }
  }

  /** What happens from now on happens in this case. */
  enter(caseId: string): void {
    this.#caseId = caseId;
    this.#waiting = new Set(this.#touched.keys());
  }

  get touched(): Touched {
    return this.#touched;
  }

  #touch(id: string): void {
    this.#waiting.delete(id);
    this.#touched.get(id)?.add(this.#caseId);
  }
}
