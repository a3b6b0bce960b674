/** What a case has in flight, by the names that it gave. */
import type { EvalContext } from '../cases/context.js';
import { CaseError } from '../cases/errors.js';
import type { ReportedEvent } from '../harness/event-buffers.js';
import type { Exchange } from '../harness/exchange.js';

/** One chain of a case. */
export interface Flight {
  /** What the chain is: the form of its answer follows from it. */
  readonly kind: 'command' | 'tmf' | 'an' | 'chain';
  readonly exchange: Exchange;
  /** The tag of a command. */
  readonly tag?: bigint;
  /** Length of the data of a command by its CDB, where it says so. */
  readonly cdbLength?: bigint;
  /** Placed but not yet made available. */
  staged: boolean;
  /** The standing checks have been made on its answer. */
  judged: boolean;
  /** What was reported in a buffer of the event queue, once a step has waited for it by its name. */
  event?: ReportedEvent;
  /** A step has waited for it. */
  awaited?: boolean;
}

/** Chains in flight or returned, in groups of one name. */
export class Flights {
  readonly #byName = new Map<string, Flight[]>();

  add(name: string, flight: Flight): void {
    const group = this.#byName.get(name);
    // A name that is used again after a wait, in the next round of a repeat say, begins a new group.
    if (group && !group.every(({ awaited }) => awaited)) group.push(flight);
    else this.#byName.set(name, [flight]);
  }

  /** The group of a name. Throws CaseError when nothing was sent under it. */
  named(name: string): readonly Flight[] {
    const group = this.#byName.get(name);
    if (group === undefined)
      throw new CaseError(
        'UNKNOWN_NAME',
        `nothing is called "${name}"; sent so far: ${[...this.#byName.keys()].join(', ') || 'nothing'}`,
      );
    return group;
  }

  /** The one that a name stands for where only one can be meant: the newest. */
  newest(name: string): Flight | undefined {
    return this.named(name).at(-1);
  }

  /** Whether everything that was sent under a name has been waited for. */
  get settled(): boolean {
    for (const group of this.#byName.values()) if (group.some(({ awaited }) => !awaited)) return false;
    return true;
  }

  /**
   * Names all of whose chains were returned before an exchange was: on its own queue by their order there, on others by
   * when they were seen. What was seen on another queue by the same look may have been returned before or after it;
   * `possibly` says whether such counts.
   */
  returnedBefore(exchange: Exchange, possibly: boolean): ReadonlySet<string> {
    const { queue, returned = Number.POSITIVE_INFINITY, look = Number.POSITIVE_INFINITY } = exchange;
    const before = ({ exchange: other }: Flight) => {
      if (other === exchange || other.returned === undefined || other.look === undefined) return false;
      if (other.queue === queue) return other.returned < returned;
      return possibly ? other.look <= look : other.look < look;
    };
    return new Set([...this.#byName].filter(([, group]) => group.every(before)).map(([name]) => name));
  }

  /** The functions of the case language that ask about what was sent. */
  readonly context: Pick<EvalContext, 'position' | 'returned'> = {
    position: (name) => {
      const returned = this.newest(name)?.exchange.returned;
      return returned === undefined ? undefined : BigInt(returned + 1);
    },
    returned: (name) => this.named(name).every(({ exchange }) => exchange.answer !== undefined),
  };
}
