/** MSI-X vectors that arrive as events: an eventfd each, which VFIO and vfio-user signal. */
import type { DeliveredInterrupts } from '../../port/interrupts.js';
import { eventfd, PollSet, takeSignals } from '../../sys/events.js';
import { libc } from '../../sys/libc.js';

/** As many descriptors as one message of a Unix socket can carry. */
const MOST_VECTORS = 253;

/** How interrupts by eventfd are switched. */
export interface EventSwitch {
  /** Vectors of the function; of more than 253 only the first are used. */
  readonly vectors: number;
  /** As `DeliveredInterrupts` has it. */
  readonly masked: boolean;
  /** Has the eventfds signalled from now on, one for each vector from 0 on; without any, messages are switched off. */
  connect(fds: readonly number[]): void;
}

/** Counts what is signalled. */
export class EventInterrupts implements DeliveredInterrupts {
  readonly masked: boolean;
  readonly #fds: readonly number[];
  #poll: PollSet;
  readonly #connect: EventSwitch['connect'];
  /** Interrupts since the last `clear`, of those that were taken from their descriptors. */
  readonly #counts: number[];

  /** Makes the eventfds; `deliver` connects them. Throws `LibcError`. */
  constructor({ vectors, masked, connect }: EventSwitch) {
    this.masked = masked;
    this.#connect = connect;
    this.#fds = Array.from({ length: Math.min(vectors, MOST_VECTORS) }, () => eventfd());
    this.#poll = new PollSet(this.#fds);
    this.#counts = this.#fds.map(() => 0);
  }

  get vectors(): number {
    return this.#fds.length;
  }

  deliver(on: boolean): void {
    this.#connect(on ? this.#fds : []);
  }

  raised(vector: number): boolean {
    return this.count(vector) > 0;
  }

  clear(vector: number): void {
    this.#take(vector);
    this.#counts[vector] = 0;
  }

  count(vector: number): number {
    this.#take(vector);
    return this.#counts[vector] ?? 0;
  }

  /** Other descriptors that end a wait. */
  watch(others: readonly number[]): void {
    this.#poll = new PollSet([...this.#fds, ...others]);
  }

  /** Returns when a vector is signalled that was not, at the latest after so many milliseconds. */
  wait(limitMs: number): void {
    // What has been signalled must not end the next wait as well.
    if (this.#poll.wait(limitMs)) for (const vector of this.#fds.keys()) this.#take(vector);
  }

  /** Closes the eventfds. */
  close(): void {
    for (const fd of this.#fds) libc().close(fd);
  }

  #take(vector: number): void {
    const fd = this.#fds[vector];
    if (fd !== undefined) this.#counts[vector] = (this.#counts[vector] ?? 0) + takeSignals(fd);
  }
}
