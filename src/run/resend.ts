/** Sending the bytes of a trace in place of those that a case makes. */
import { CaseError } from '../cases/errors.js';
import type { Flight } from './flights.js';

/** What a trace says of one chain: the readable buffers in hex, and the sizes of the writable ones. */
export interface SentChain {
  readonly queue: number;
  readonly out: readonly string[];
  readonly in: readonly number[];
}

/** All that the trace had sent has been sent: the case goes no further. */
export class TraceEnded extends Error {}

/** Hands the chains of a trace out, one after the other, each to a chain of the same form. */
export class Resend {
  readonly #chains: readonly SentChain[];
  #next = 0;

  constructor(chains: readonly SentChain[]) {
    this.#chains = chains;
  }

  /** Puts the bytes into the buffers of a chain that is about to be made available. Throws TraceEnded and CaseError. */
  apply({ exchange: { queue, placed } }: Flight): void {
    const chain = this.#chains[this.#next];
    if (chain === undefined) throw new TraceEnded();
    const form = formOf(chain);
    const here = formOf({
      queue,
      out: placed.out.map(({ initial }) => '00'.repeat(initial.length)),
      in: placed.in.map(({ size }) => size),
    });
    if (form !== here)
      throw new CaseError(
        'NOT_AVAILABLE',
        `chain ${this.#next + 1} of the trace is ${form}; on this device the case makes it ${here}`,
      );
    this.#next++;
    for (const [index, buffer] of placed.out.entries())
      buffer.rewrite(Buffer.from(chain.out[index] ?? '', 'hex'));
  }
}

function formOf({ queue, out, in: writable }: SentChain): string {
  const sizes = (list: readonly number[]) => (list.length === 0 ? 'none' : list.join(' + '));
  return `on queue ${queue}, readable ${sizes(out.map((hex) => hex.length / 2))}, writable ${sizes(writable)} bytes`;
}
