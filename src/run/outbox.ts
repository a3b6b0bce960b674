/**
 * What a worker thread has to tell, on its way to another. A message costs as much as a small case, so what comes soon
 * after a message waits and goes together.
 */
export class Outbox<T> {
  readonly #send: (items: readonly T[]) => void;
  readonly #togetherMs: number;
  readonly #now: () => number;
  #items: T[] = [];
  #sentAt: number;

  /** `togetherMs`: for so long, from the message before, an item may wait for others. `now` in milliseconds. */
  constructor(
    send: (items: readonly T[]) => void,
    togetherMs: number,
    now: () => number = () => performance.now(),
  ) {
    this.#send = send;
    this.#togetherMs = togetherMs;
    this.#now = now;
    this.#sentAt = now();
  }

  add(item: T): void {
    this.#items.push(item);
    if (this.#now() - this.#sentAt >= this.#togetherMs) this.flush();
  }

  /** Sends what waits, if anything does. */
  flush(): void {
    if (this.#items.length > 0) this.#send(this.#items);
    this.#items = [];
    this.#sentAt = this.#now();
  }
}
