/** Virtual time: delays cost nothing, and what happens after them happens in a fixed order. */

/** A scheduled action. */
export interface Timer {
  cancel(): void;
}

interface Entry {
  readonly due: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock that moves only when told to. Times are in milliseconds since the model was made. */
export class VirtualClock {
  #now = 0;
  #order = 0;
  #entries: Entry[] = [];

  now(): number {
    return this.#now;
  }

  /** Whether anything is scheduled. */
  get busy(): boolean {
    return this.#entries.length > 0;
  }

  /** Has `action` run `delay` milliseconds from now; actions due at the same time run in the order of scheduling. */
  schedule(delay: number, action: () => void): Timer {
    const entry: Entry = { due: this.#now + delay, order: this.#order++, action };
    this.#entries.push(entry);
    this.#entries.sort((a, b) => a.due - b.due || a.order - b.order);
    return { cancel: () => this.#entries.splice(0, Infinity, ...this.#entries.filter((e) => e !== entry)) };
  }

  /** Moves to the next event if it is due within `limit` milliseconds and runs it; otherwise moves by `limit`. */
  step(limit: number): void {
    const next = this.#entries[0];
    if (next === undefined || next.due > this.#now + limit) {
      this.#now += limit;
      return;
    }
    this.#entries.shift();
    this.#now = Math.max(this.#now, next.due);
    next.action();
  }

  /** Milliseconds to the next event; undefined when nothing is scheduled. */
  get untilNext(): number | undefined {
    const next = this.#entries[0];
    return next && Math.max(0, next.due - this.#now);
  }

  /** Moves on by `elapsed` milliseconds and runs what is due by then. */
  advance(elapsed: number): void {
    const end = this.#now + elapsed;
    while ((this.#entries[0]?.due ?? Infinity) <= end) this.step(Infinity);
    this.#now = Math.max(this.#now, end);
  }

  /** Runs everything that is scheduled, also what is scheduled meanwhile, up to `most` events. */
  drain(most = 100_000): void {
    for (let round = 0; this.busy && round < most; round++) this.step(Infinity);
  }

  /** Forgets everything that is scheduled. */
  clear(): void {
    this.#entries = [];
  }
}
