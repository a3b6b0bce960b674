/** The medium of a disk: bytes, kept only where something was written. */
import { freshBytes } from '../../wire/fresh-bytes.js';

const CHUNK = 0x10000;

export class BlockStore {
  readonly #chunks = new Map<number, Uint8Array>();
  /** A chunk of which nothing was written; zeros if left out. */
  #blank: Uint8Array | undefined;

  /** Forgets everything; from now on the medium is full of this block, whose size divides that of a chunk, or of zeros. */
  renew(block?: Uint8Array): void {
    this.#chunks.clear();
    this.#blank = undefined;
    if (block === undefined) return;
    this.#blank = new Uint8Array(CHUNK);
    for (let at = 0; at < CHUNK; at += block.length) this.#blank.set(block, at);
  }

  /** A copy of `length` bytes; what was never written reads as zeros. */
  read(offset: number, length: number): Uint8Array {
    const out = freshBytes(length);
    this.#each(offset, length, (number, from, size, place) => {
      const chunk = this.#chunks.get(number) ?? this.#blank;
      if (chunk) out.set(chunk.subarray(from, from + size), place);
    });
    return out;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#each(offset, bytes.length, (number, from, size, place) => {
      let chunk = this.#chunks.get(number);
      if (chunk === undefined) {
        chunk = this.#blank?.slice() ?? new Uint8Array(CHUNK);
        this.#chunks.set(number, chunk);
      }
      chunk.set(bytes.subarray(place, place + size), from);
    });
  }

  /** Sets a range to zero, giving whole chunks back. */
  clear(offset: number, length: number): void {
    if (this.#blank) {
      this.write(offset, new Uint8Array(length));
      return;
    }
    // By what exists, not by what could: the range may be far larger than what was ever written.
    for (const [number, chunk] of this.#chunks) {
      const start = number * CHUNK;
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + CHUNK);
      if (from >= to) continue;
      if (to - from === CHUNK) this.#chunks.delete(number);
      else chunk.fill(0, from - start, to - start);
    }
  }

  #each(
    offset: number,
    length: number,
    visit: (chunk: number, from: number, size: number, place: number) => void,
  ): void {
    for (let place = 0; place < length; ) {
      const at = offset + place;
      const from = at % CHUNK;
      const size = Math.min(CHUNK - from, length - place);
      visit(Math.floor(at / CHUNK), from, size, place);
      place += size;
    }
  }
}
