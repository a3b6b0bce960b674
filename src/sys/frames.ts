/** Values over a stream of bytes, each with its length before it. Whatever structured clone can carry can be sent. */
import { deserialize, serialize } from 'node:v8';

const LENGTH = 4;

/** A value as it goes over the stream. */
export function frame(value: unknown): Buffer {
  const body = serialize(value);
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/** Puts together what arrives in pieces. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #length = 0;

  /** The values that are complete with this piece. */
  take(piece: Buffer): unknown[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const values: unknown[] = [];
    for (let size = this.#size(); size !== undefined && this.#length >= LENGTH + size; size = this.#size()) {
      const all = this.#joined();
      values.push(deserialize(all.subarray(LENGTH, LENGTH + size)));
      this.#pieces = [all.subarray(LENGTH + size)];
      this.#length -= LENGTH + size;
    }
    return values;
  }

  /** The length of the next value, once it is there. */
  #size(): number | undefined {
    return this.#length < LENGTH ? undefined : this.#joined().readUInt32LE();
  }

  #joined(): Buffer {
    const all = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    const joined = all ?? Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }
}
