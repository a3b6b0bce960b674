/** Bytes that a buffer holds before the device writes it, so that what was not written shows. */

/** Small enough to stay in the processor's cache. */
const POOL_BYTES = 1 << 16;

/**
 * Random bytes, none of them zero: zeros are what devices write most, and a device that writes zeros over poison must
 * never look as if it had written nothing. xorshift32: fast, and the same bytes for the same seed.
 */
function poisonBytes(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed >>> 0 || 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  const bytes = new Uint8Array(words.buffer, 0, length);
  for (let i = 0; i < length; i++) if (bytes[i] === 0) bytes[i] = 0x80 | (i & 0x7f);
  return bytes;
}

/** A source of poison, different for every buffer of a run. */
export class Poison {
  readonly #pool: Uint8Array;
  #next = 0;

  constructor(seed: number) {
    this.#pool = poisonBytes(POOL_BYTES, seed);
  }

  /** Writes poison to a place, and says where in the pool it is from, for `firstOther`. */
  lay(target: Uint8Array, at: number, length: number): number {
    const pool = this.#pool;
    const from = this.#next;
    for (let i = 0, place = from; i < length; i++, place++) {
      if (place === POOL_BYTES) place = 0;
      target[at + i] = pool[place] as number;
    }
    this.#next = (from + length) % POOL_BYTES;
    return from;
  }

  /** The first of `length` bytes that are not the poison that was laid there, or -1. */
  firstOther(bytes: Uint8Array, at: number, length: number, from: number): number {
    const pool = this.#pool;
    for (let i = 0, place = from; i < length; i++, place++) {
      if (place === POOL_BYTES) place = 0;
      if (bytes[at + i] !== pool[place]) return i;
    }
    return -1;
  }

  /** `length` bytes of poison. Callers do not change them: small pieces are views of one pool. */
  take(length: number): Uint8Array {
    if (length > POOL_BYTES / 2) {
      const out = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const piece = this.#pool.subarray(this.#next, this.#next + length - at);
        out.set(piece, at);
        at += piece.length;
        this.#next = (this.#next + piece.length) % POOL_BYTES;
      }
      return out;
    }
    if (this.#next + length > POOL_BYTES) this.#next = (this.#next + length) % 4093;
    const out = this.#pool.subarray(this.#next, this.#next + length);
    this.#next += length;
    return out;
  }
}

/**
 * So many poisoned bytes in a row count as "not written". A device that writes other bytes than zeros at random passes
 * for silent with probability 2^-48 at each place; fewer equal bytes decide nothing.
 */
export const UNWRITTEN_RUN = 6;

/** Offset of the first run of `UNWRITTEN_RUN` bytes within the first `end` that still hold their poison, or -1. */
export function firstUnwritten(bytes: Uint8Array, poison: Uint8Array, end = bytes.length): number {
  // Every run of n bytes covers a place whose number is a multiple of n: only there it is worth looking closer.
  for (let probe = UNWRITTEN_RUN - 1; probe < end; probe += UNWRITTEN_RUN) {
    if (bytes[probe] !== poison[probe]) continue;
    let from = probe;
    while (from > 0 && bytes[from - 1] === poison[from - 1]) from--;
    let to = probe + 1;
    while (to < end && bytes[to] === poison[to]) to++;
    if (to - from >= UNWRITTEN_RUN) return from;
  }
  return -1;
}

/** Offset of the last byte that differs from its poison, or -1: what was certainly written. */
export function lastWritten(bytes: Uint8Array, poison: Uint8Array): number {
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== poison[i]) return i;
  return -1;
}
