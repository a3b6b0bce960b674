/** How far long work has come: a line that is overwritten on a terminal, a line now and then elsewhere. */
import type { TextSink } from '../report/style.js';

/** Elsewhere so long lies between two lines. */
const PLAIN_INTERVAL_MS = 10_000;

export class ProgressLine {
  readonly #sink: TextSink;
  readonly #now: () => number;
  #shownAt: number;

  /** `now` in milliseconds. */
  constructor(sink: TextSink, now: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#now = now;
    this.#shownAt = now();
  }

  show(text: string): void {
    if (this.#sink.isTerminal) this.#sink.write(`\r${text} `);
    else if (this.#now() - this.#shownAt >= PLAIN_INTERVAL_MS) {
      this.#shownAt = this.#now();
      this.#sink.write(`${text}\n`);
    }
  }

  /** The work is done: nothing of it stays on a terminal. */
  end(): void {
    if (this.#sink.isTerminal) this.#sink.write('\r\x1b[K');
  }
}
