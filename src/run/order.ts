/** The order in which cases run. It must not matter; running them in another order shows whether it does. */

/** How the order departs from that of the files. */
export interface Order {
  /** Shuffled, in the way that belongs to this number. */
  readonly shuffle?: number;
  /** Backwards. */
  readonly reverse?: boolean;
}

/** The numbers from 0 to `count` - 1 in the order asked for; the same for the same order on every machine. */
export function executionOrder(count: number, { shuffle, reverse = false }: Order): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  if (shuffle !== undefined) {
    const random = mulberry32(shuffle);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
    }
  }
  return reverse ? order.reverse() : order;
}

/** Pseudo-random numbers from 0 up to 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
