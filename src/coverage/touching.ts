/**
 * Which cases a mutant touches: those in which it does something else than a conformant device would. It is found out
 * by looking on: while the cases run on the model as it is, each replaced behaviour is asked what it would have
 * returned. A case that a mutant does not touch runs on it as on the model, so that it need not be run.
 */
import type { ExpandedCase } from '../cases/types.js';
import { type Behaviours, conformantBehaviours } from '../model/behaviours.js';
import type { Mutant } from '../model/mutants/mutant.js';
import { Glass } from './behind-glass.js';

/** By mutant: expanded ids of the cases that it touches. */
export type Touched = ReadonlyMap<string, ReadonlySet<string>>;

type Behaviour = (...args: readonly unknown[]) => unknown;

/** What these get is not the conformant answer, but a function that makes it; by the place of that argument. */
const MAKING: ReadonlyMap<string, number> = new Map([
  ['perform', 1],
  ['manage', 0],
] satisfies readonly [keyof Behaviours, number][]);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Whether two answers say the same. Units, rings and the like are what they are, and never looked into. */
function isSame(one: unknown, other: unknown, glass: Glass): boolean {
  const answer = glass.behind(one);
  if (Object.is(answer, other)) return true;
  if (answer instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(answer, other) === 0;
  if (Array.isArray(answer) && Array.isArray(other))
    return answer.length === other.length && answer.every((item, i) => isSame(item, other[i], glass));
  if (!isRecord(answer) || !isRecord(other)) return false;
  const keys = Object.keys(answer);
  return (
    keys.length === Object.keys(other).length && keys.every((key) => isSame(answer[key], other[key], glass))
  );
}

/** These are there to act, or may at any rate do so. */
const ACTING: ReadonlySet<string> = new Set<keyof Behaviours>(['returning', 'faulted', 'kickedRing']);

/** A case that begins. */
export type Entered = Pick<ExpandedCase, 'id' | 'covers'>;

/** Calls of behaviours in one case that are looked at: some ten exchanges make a hundred. */
export const WATCHED_AT_MOST = 20_000;

/** A behaviour of a mutant. */
interface Asked {
  /** Id of the mutant. */
  readonly id: string;
  readonly behaviour: Behaviour;
  readonly acts: boolean;
}

/** Looks on while cases run. */
export class TouchRecorder {
  readonly #mutants: readonly Mutant[];
  readonly #glass = new Glass();
  readonly #touched: ReadonlyMap<string, Set<string>>;
  /** Of the mutants that the present case has not touched yet. */
  #waiting = new Set<string>();
  #caseId = '';
  #covers: readonly string[] = [];
  /** Times that somebody was asked in the present case. */
  #watched = 0;

  constructor(mutants: readonly Mutant[]) {
    this.#mutants = mutants;
    this.#touched = new Map(mutants.map(({ id }) => [id, new Set()]));
  }

  /** Looks at a model through its behaviours, which go on as they are. */
  watch(behaviours: Behaviours): void {
    const right = conformantBehaviours();
    const replaced = new Map<string, Asked[]>();
    for (const mutant of this.#mutants) {
      const its = { ...right };
      mutant.apply(its);
      const names = Object.keys(its).filter(
        (name) => its[name as keyof Behaviours] !== right[name as keyof Behaviours],
      );
      const acts = mutant.acts === true || names.some((name) => ACTING.has(name));
      for (const name of names) {
        const behaviour = its[name as keyof Behaviours] as Behaviour;
        replaced.set(name, [...(replaced.get(name) ?? []), { id: mutant.id, behaviour, acts }]);
      }
    }
    for (const [name, others] of replaced) {
      const own = behaviours[name as keyof Behaviours] as Behaviour;
      const looking: Behaviour = (...args) => {
        const returned = own(...args);
        this.#watched += 1;
        if (this.#watched === WATCHED_AT_MOST) this.#lookAway();
        for (const asked of others)
          if (this.#waiting.has(asked.id) && this.#differs(name, asked, args, returned))
            this.#touch(asked.id);
        return returned;
      };
      Object.assign(behaviours, { [name]: looking });
    }
  }

  /** What happens from now on happens in this case. */
  enter({ id, covers }: Entered): void {
    this.#glass.clear();
    this.#caseId = id;
    this.#covers = covers;
    this.#watched = 0;
    this.#waiting = new Set(this.#touched.keys());
  }

  /** With so many who look on it would take too long: those that break what the case covers are taken to touch it. */
  #lookAway(): void {
    for (const { id, requirement } of this.#mutants)
      if (requirement !== undefined && this.#covers.includes(requirement)) this.#touch(id);
    this.#waiting.clear();
  }

  get touched(): Touched {
    return this.#touched;
  }

  /**
   * Whether a behaviour would do something else than return `right`; one that throws would, too. One that may act is
   * shown everything behind glass.
   */
  #differs(name: string, { behaviour, acts }: Asked, args: readonly unknown[], right: unknown): boolean {
    const glass = this.#glass;
    const show = acts ? (value: unknown) => glass.show(value) : (value: unknown) => value;
    const place = MAKING.get(name);
    let made = 0;
    const asked = args.map((arg, index) => {
      if (index !== place) return show(arg);
      return () => {
        // It may ask again until the answer is another, which it never is here.
        made += 1;
        if (made > 1) throw new RangeError('asked again');
        return show(right);
      };
    });
    try {
      const same = isSame(behaviour(...asked), right, glass);
      return !same || (place !== undefined && made !== 1) || glass.isScratched();
    } catch {
      return true;
    }
  }

  #touch(id: string): void {
    this.#waiting.delete(id);
    this.#touched.get(id)?.add(this.#caseId);
  }
}
