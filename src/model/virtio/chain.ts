/** A descriptor chain as the device sees it: readable bytes, then writable bytes, whatever their cut. */
import { freshBytes } from '../../wire/fresh-bytes.js';

/** Scattered memory treated as one run of bytes. */
class Scattered {
  readonly length: number;
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Calls `visit` for each piece of memory in the range, with its place in the range. */
  each(offset: number, length: number, visit: (piece: Uint8Array, place: number) => void): void {
    let start = 0;
    for (const piece of this.#pieces) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + piece.length);
      if (from < to) visit(piece.subarray(from - start, to - start), from - offset);
      start += piece.length;
      if (start >= offset + length) break;
    }
  }

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }
}

/** One buffer that the driver made available. */
export class Chain {
  /** By what it is returned: the index of its first descriptor in a split ring, its Buffer ID in a packed one. */
  readonly id: number;
  /** Entries of the ring that it takes: one of a split ring, each descriptor of a packed one. */
  readonly slots: number;
  readonly #readable: Scattered;
  readonly #writable: Scattered;

  /** The memory of its indirect tables. */
  readonly tables: readonly Uint8Array[];

  constructor(
    id: number,
    slots: number,
    readable: readonly Uint8Array[],
    writable: readonly Uint8Array[],
    tables: readonly Uint8Array[] = [],
  ) {
    this.id = id;
    this.slots = slots;
    this.tables = tables;
    this.#readable = new Scattered(readable);
    this.#writable = new Scattered(writable);
  }

  /** Bytes of the device-readable part. */
  get readableLength(): number {
    return this.#readable.length;
  }

  /** Bytes of the device-writable part. */
  get writableLength(): number {
    return this.#writable.length;
  }

  /** The memory itself (not a copy), piece by piece. */
  get pieces(): { readonly readable: readonly Uint8Array[]; readonly writable: readonly Uint8Array[] } {
    return { readable: this.#readable.pieces, writable: this.#writable.pieces };
  }

  /** Lengths of the device-readable pieces, as they were cut. */
  get readableCut(): readonly number[] {
    return this.#readable.pieces.map((piece) => piece.length);
  }

  /** Lengths of the device-writable pieces, as they were cut. */
  get writableCut(): readonly number[] {
    return this.#writable.pieces.map((piece) => piece.length);
  }

  /** A copy of readable bytes; what lies beyond the end is left out. */
  read(offset: number, length: number): Uint8Array {
    const out = freshBytes(Math.max(0, Math.min(length, this.#readable.length - offset)));
    this.#readable.each(offset, out.length, (piece, place) => out.set(piece, place));
    return out;
  }

  /** Stores bytes in the writable part; returns how many found room. */
  write(offset: number, bytes: Uint8Array): number {
    const length = Math.max(0, Math.min(bytes.length, this.#writable.length - offset));
    this.#writable.each(offset, length, (piece, place) =>
      piece.set(bytes.subarray(place, place + piece.length)),
    );
    return length;
  }
}
