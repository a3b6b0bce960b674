/** Interrupts of a device without messages: one line, and a register that says what it is asserted for. */
import type { Interrupts } from '../port/interrupts.js';

/** The causes of a line interrupt as vectors; their bits in the ISR byte and in InterruptStatus have these numbers. */
export const LineVector = { USED_BUFFER: 0, CONFIGURATION: 1 } as const;

const VECTORS = Object.keys(LineVector).length;

/**
 * Each cause counts as a vector. What the register showed is remembered until it is cleared, since looking at it, or
 * acknowledging what it showed, takes it from the device. Once a cause is known no register is touched for it.
 */
export class LineInterrupts implements Interrupts {
  readonly vectors = VECTORS;
  readonly #take: () => number;
  #seen = 0;

  /** `take` returns the causes that the device shows now, as a bit mask, and acknowledges them. */
  constructor(take: () => number) {
    this.#take = take;
  }

  raised(vector: number): boolean {
    const bit = 1 << vector;
    if ((this.#seen & bit) === 0) this.#seen |= this.#take();
    return (this.#seen & bit) !== 0;
  }

  clear(vector: number): void {
    this.#seen |= this.#take();
    this.#seen &= ~(1 << vector);
  }

  /** Remembers causes that somebody else has taken from the device. */
  note(causes: number): void {
    this.#seen |= causes;
  }
}
