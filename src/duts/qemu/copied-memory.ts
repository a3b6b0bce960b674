/** Guest memory that is copied through qtest commands, where it cannot be mapped. */
import type { DmaBlock } from '../../port/dma-space.js';
import { PortError } from '../../port/errors.js';
import { GuestMemory, type GuestRegion } from '../guest-memory.js';
import type { QtestChannel } from './qtest-channel.js';

/** Bytes moved by one qtest command: large enough to be quick, small enough for its buffers. */
const PIECE = 32 * 1024;

/** Memory that is reached through qtest only. */
export function copiedMemory(regions: readonly GuestRegion[], qtest: QtestChannel): GuestMemory {
  return new GuestMemory(regions, (iova, size) => new CopiedBlock(iova, size, qtest), false);
}

/** A block with a copy on either side. */
class CopiedBlock implements DmaBlock {
  readonly iova: bigint;
  readonly size: number;
  readonly view: Uint8Array;
  readonly #base: number;
  readonly #bytes: Buffer;
  readonly #qtest: QtestChannel;

  constructor(iova: number, size: number, qtest: QtestChannel) {
    this.iova = BigInt(iova);
    this.size = size;
    this.view = new Uint8Array(size);
    this.#base = iova;
    this.#bytes = Buffer.from(this.view.buffer);
    this.#qtest = qtest;
    if (size > 0) qtest.post(`memset 0x${iova.toString(16)} 0x${size.toString(16)} 0x00`);
  }

  publish(offset = 0, length = this.size - offset): void {
    this.#eachPiece(offset, length, (start, end) => {
      this.#qtest.post(`b64write ${this.#range(start, end)} ${this.#bytes.toString('base64', start, end)}`);
    });
  }

  fetch(offset = 0, length = this.size - offset): void {
    this.#eachPiece(offset, length, (start, end) => {
      const reply = this.#qtest.ask(`b64read ${this.#range(start, end)}`);
      const got = this.#bytes.write(reply, start, end - start, 'base64');
      if (got !== end - start) {
        throw new PortError('PORT_PROTOCOL', `b64read of ${end - start} bytes: got ${got} bytes`);
      }
    });
  }

  #range(start: number, end: number): string {
    return `0x${(this.#base + start).toString(16)} 0x${(end - start).toString(16)}`;
  }

  #eachPiece(offset: number, length: number, move: (start: number, end: number) => void): void {
    const end = offset + length;
    if (
      !Number.isInteger(offset) ||
      offset < 0 ||
      !Number.isInteger(length) ||
      length < 0 ||
      end > this.size
    ) {
      throw new RangeError(`${length} bytes at ${offset} are not within a block of ${this.size}`);
    }
    for (let start = offset; start < end; start += PIECE) move(start, Math.min(start + PIECE, end));
  }
}
