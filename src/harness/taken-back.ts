/** Memory that the device had and that a reset gave back to the driver: the device must leave it alone from then on. */

import { copyOf } from '../wire/fresh-bytes.js';
import type { GuardedBuffer } from './guarded-buffer.js';

interface Piece {
  readonly what: string;
  readonly buffer: GuardedBuffer;
  readonly asLeft: Uint8Array;
}

export class TakenBackMemory {
  readonly #pieces: Piece[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** From now on the device may not touch this buffer. `what` names it in reports. */
  add(what: string, buffer: GuardedBuffer): void {
    buffer.fetch();
    this.#pieces.push({ what, buffer, asLeft: copyOf(buffer.view) });
  }

  /** What has been written since, in words. */
  trespasses(): string[] {
    return this.#pieces.flatMap(({ what, buffer, asLeft }) => {
      buffer.fetch();
      return Buffer.compare(buffer.view, asLeft) === 0
        ? []
        : [`${what} was written after it had been taken back`];
    });
  }
}
