/** The events of a back-end's queues: kicks to it, calls and errors from it. */

import type { DeliveredInterrupts } from '../../port/interrupts.js';
import type { Clock } from '../../port/lifecycle.js';
import { eventfd, PollSet, signal, takeSignals } from '../../sys/events.js';
import { libc } from '../../sys/libc.js';
import { eventClock } from '../event-clock.js';

/** Event descriptors of one queue. */
export interface QueueEvents {
  /** Signalled by the driver: buffers are available. */
  readonly kick: number;
  /** Signalled by the back-end: buffers are used. */
  readonly call: number;
  /** Signalled by the back-end: the ring cannot be served. */
  readonly err: number;
}

/**
 * Events for every queue that was ever set up, and the interrupts that they are: a queue's vector is its index. One
 * more vector may be raised by hand, for the configuration.
 */
export class RingEvents implements DeliveredInterrupts {
  readonly masked = false;
  readonly #queues = new Map<number, QueueEvents>();
  /** Interrupts since the last `clear`, of those that were taken from their descriptors. */
  readonly #counts = new Map<number, number>();
  readonly #faulty = new Set<number>();
  #calls = new PollSet([]);
  #others: readonly number[] = [];
  readonly #attend: () => void;

  /** `attend` deals with what comes by the other descriptors, and throws when the back-end is gone. */
  constructor(attend: () => void) {
    this.#attend = attend;
  }

  /** Descriptors that end a wait for events, besides those of the queues. */
  watch(others: readonly number[]): void {
    this.#others = others;
    this.#rebuild();
  }

  #rebuild(): void {
    this.#calls = new PollSet([...this.#others, ...[...this.#queues.values()].map(({ call }) => call)]);
  }

  /** The events of a queue, made when they are first asked for. */
  of(queue: number): QueueEvents {
    let events = this.#queues.get(queue);
    if (events === undefined) {
      events = { kick: eventfd(), call: eventfd(), err: eventfd() };
      this.#queues.set(queue, events);
      this.#rebuild();
    }
    return events;
  }

  /** Signals that a queue has available buffers; one that was never set up hears nothing. */
  kick(queue: number): void {
    const events = this.#queues.get(queue);
    if (events) signal(events.kick);
  }

  /** Forgets what was signalled on a queue, which begins anew. */
  begin(queue: number): void {
    const { kick, call, err } = this.of(queue);
    for (const fd of [kick, call, err]) takeSignals(fd);
    this.#counts.delete(queue);
    this.#faulty.delete(queue);
  }

  /** Forgets what was signalled on any queue: the device was reset. */
  reset(): void {
    for (const queue of this.#queues.keys()) this.begin(queue);
    this.#counts.clear();
  }

  /** The queues on which an error was signalled since `begin`. */
  faults(): readonly number[] {
    for (const [queue, { err }] of this.#queues) if (takeSignals(err) > 0) this.#faulty.add(queue);
    return [...this.#faulty];
  }

  /** Raises a vector that is not a queue's. */
  raise(vector: number): void {
    this.#counts.set(vector, (this.#counts.get(vector) ?? 0) + 1);
  }

  get vectors(): number {
    return Math.max(0, ...this.#queues.keys(), ...this.#counts.keys()) + 1;
  }

  raised(vector: number): boolean {
    return this.count(vector) > 0;
  }

  clear(vector: number): void {
    this.#take(vector);
    this.#counts.delete(vector);
  }

  count(vector: number): number {
    this.#take(vector);
    return this.#counts.get(vector) ?? 0;
  }

  #take(vector: number): void {
    const events = this.#queues.get(vector);
    const taken = events === undefined ? 0 : takeSignals(events.call);
    if (taken > 0) this.#counts.set(vector, (this.#counts.get(vector) ?? 0) + taken);
  }

  readonly clock: Clock = eventClock((limitMs) => {
    const woken = this.#calls.wait(limitMs);
    // What has been signalled must not end the next wait as well.
    if (woken) for (const vector of this.#queues.keys()) this.#take(vector);
    if (this.#others.some((_, i) => this.#calls.readable(i))) this.#attend();
  });

  /** Closes all descriptors. */
  close(): void {
    for (const events of this.#queues.values())
      for (const fd of Object.values(events)) libc().close(fd as number);
    this.#queues.clear();
    this.#calls = new PollSet([]);
  }
}
