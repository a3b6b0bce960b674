/** Messages of a header and a payload over a stream socket, with the descriptors that came with each. */

import { closeAll } from './libc.js';
import { receiveFrom } from './unix-socket.js';

/** A whole message. */
export interface FramedMessage {
  readonly header: Buffer;
  readonly payload: Buffer;
  /** Now the receiver's to close. */
  readonly fds: readonly number[];
}

/**
 * Takes messages from a socket as they come, without ever waiting. No more is read at once than belongs to one message,
 * so that descriptors are those of the message with which they were sent.
 */
export class MessageStream {
  readonly #socket: number;
  readonly #headerSize: number;
  readonly #payloadSize: (header: Buffer) => number;
  readonly #mostFds: number;
  #header: Buffer;
  #payload: Buffer | undefined;
  #filled = 0;
  #fds: number[] = [];

  /**
   * `payloadSize` says from a header how many bytes follow; it may throw, and the message is then lost. `mostFds`: how many
   * descriptors may come with a message.
   */
  constructor(socket: number, headerSize: number, payloadSize: (header: Buffer) => number, mostFds: number) {
    this.#socket = socket;
    this.#headerSize = headerSize;
    this.#payloadSize = payloadSize;
    this.#mostFds = mostFds;
    this.#header = Buffer.alloc(headerSize);
  }

  /**
   * The next whole message, if there is one; `closed` when the other end has closed, `flooded` when more descriptors came
   * with a message than may: none of them is kept, and the line is of no more use. Throws `LibcError`.
   */
  next(): FramedMessage | 'closed' | 'flooded' | undefined {
    for (;;) {
      const target = this.#payload ?? this.#header;
      if (this.#filled === target.length) {
        const message = this.#advance();
        if (message) return message;
        continue;
      }
      const got = receiveFrom(this.#socket, target.length - this.#filled);
      if (got === undefined) return undefined;
      this.#fds.push(...got.fds);
      if (this.#fds.length > this.#mostFds) {
        this.discard();
        return 'flooded';
      }
      if (got.data.length === 0) return 'closed';
      got.data.copy(target, this.#filled);
      this.#filled += got.data.length;
    }
  }

  /** What has come of a message that is not whole. */
  get partial(): Buffer {
    return this.#payload === undefined
      ? this.#header.subarray(0, this.#filled)
      : Buffer.concat([this.#header, this.#payload.subarray(0, this.#filled)]);
  }

  /** Closes the descriptors of a message that will not be whole. */
  discard(): void {
    closeAll(this.#fds.splice(0));
  }

  #advance(): FramedMessage | undefined {
    this.#filled = 0;
    if (this.#payload === undefined) {
      this.#payload = Buffer.alloc(this.#payloadSize(this.#header));
      return undefined;
    }
    const message = { header: this.#header, payload: this.#payload, fds: this.#fds };
    this.#header = Buffer.alloc(this.#headerSize);
    this.#payload = undefined;
    this.#fds = [];
    return message;
  }
}
