/** The medium of a disk: bytes, kept only where something was written. */

const CHUNK = 0x10000;

export class BlockStore {
  readonly #chunks = new Map<number, Uint8Array>();

  /** A copy of `length` bytes; what was never written reads as zeros. */
  read(offset: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.#each(offset, length, (number, from, size, place) => {
      const chunk = this.#chunks.get(number);
      if (chunk) out.set(chunk.subarray(from, from + size), place);
    });
    return out;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#each(offset, bytes.length, (number, from, size, place) => {
      let chunk = this.#chunks.get(number);
      if (chunk === undefined) {
        chunk = new Uint8Array(CHUNK);
        this.#chunks.set(number, chunk);
      }
      chunk.set(bytes.subarray(place, place + size), from);
    });
  }

  /** Sets a range to zero, giving whole chunks back. */
  clear(offset: number, length: number): void {
    this.#each(offset, length, (number, from, size) => {
      if (size === CHUNK) this.#chunks.delete(number);
      else this.#chunks.get(number)?.fill(0, from, from + size);
    });
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
