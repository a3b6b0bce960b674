/** One end of a stream of messages to a peer that is not trusted: no wait is without limit, and no error without its bytes. */
import { DutGoneError, DutStalledError, PortError } from '../port/errors.js';
import { PollSet } from '../sys/events.js';
import { libc } from '../sys/libc.js';
import { type FramedMessage, MessageStream } from '../sys/message-stream.js';
import { LibcError } from '../sys/native.js';
import { sendTo } from '../sys/unix-socket.js';

/** As long as a thread may be deaf for whoever wants to end it. */
const SLICE_MS = 50;
/** As much of what was received as a message shows. */
const SHOWN_BYTES = 64;

/** What a protocol says of its messages. */
export interface MessageForm {
  /** Who the peer is, in messages: `the back-end`. */
  readonly peer: string;
  /** Bytes. */
  readonly headerSize: number;
  /** Descriptors that may come with a message. */
  readonly mostFds: number;
  /** Bytes that follow a header; throws what `garbled` makes where there cannot be so many. */
  payloadSize(header: Buffer): number;
}

/** A line that is over after its first error: nothing that comes later can be understood. */
export class MessageLine {
  readonly socket: number;
  readonly #peer: string;
  readonly #limitMs: number;
  readonly #mostFds: number;
  readonly #stream: MessageStream;
  #readable: PollSet;
  #over: PortError | undefined;
  #closed = false;

  /** Takes over a connected socket. `limitMs`: how long an answer may take. */
  constructor(socket: number, limitMs: number, { peer, headerSize, mostFds, payloadSize }: MessageForm) {
    this.socket = socket;
    this.#peer = peer;
    this.#limitMs = limitMs;
    this.#mostFds = mostFds;
    this.#readable = new PollSet([socket]);
    this.#stream = new MessageStream(socket, headerSize, payloadSize, mostFds);
  }

  /** Whether anything can still be said. */
  get alive(): boolean {
    return this.#over === undefined;
  }

  /** Another descriptor on which something may come while an answer is waited for. */
  watch(fd: number): void {
    this.#readable = new PollSet([this.socket, fd]);
  }

  /** Sends a message, of which errors speak by `name`, and which the peer has to take by `deadline`. */
  send(name: string, message: Buffer, fds: readonly number[] = [], deadline = this.deadline()): void {
    this.throwOver();
    try {
      sendTo(this.socket, message, fds, deadline);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      if (error.code === 'EAGAIN')
        throw this.end(
          new DutStalledError(`${this.#peer} does not take ${name} off the line within ${this.#limitMs} ms`),
        );
      // Reading says more about a line that was closed.
      this.receive(`when it was to take ${name}`);
      throw this.end(
        new DutGoneError(`${this.#peer} takes no more requests (${error.code}), the next was ${name}`),
      );
    }
  }

  /** When whatever is asked now has to be answered, as `performance.now` tells time. */
  deadline(): number {
    return performance.now() + this.#limitMs;
  }

  /**
   * The next message, waited for as the answer to `name`. `attend` is called whenever there is none yet; `deadline` is
   * for who takes several messages until the answer comes.
   */
  await(name: string, attend: () => void = () => {}, deadline = this.deadline()): FramedMessage {
    for (;;) {
      const message = this.receive(`when it was to reply to ${name}`);
      if (message) return message;
      attend();
      const left = deadline - performance.now();
      if (left <= 0) throw this.end(new DutStalledError(this.#stalled(name)));
      this.#readable.wait(Math.min(left, SLICE_MS));
    }
  }

  /** The next message, if there is one. `when` says for errors what is going on. */
  receive(when: string): FramedMessage | undefined {
    let got: ReturnType<MessageStream['next']>;
    try {
      got = this.#stream.next();
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      throw this.end(new DutGoneError(`${this.#peer} broke the connection (${error.code}) ${when}`));
    }
    if (got === 'flooded')
      throw this.end(
        new PortError(
          'PORT_PROTOCOL',
          `${this.#peer} sends more than ${this.#mostFds} descriptors with a message ${when}`,
        ),
      );
    if (got !== 'closed') return got;
    const { partial } = this.#stream;
    const rest = partial.length === 0 ? '' : `, after ${partial.length} bytes of a message: ${hex(partial)}`;
    throw this.end(new DutGoneError(`${this.#peer} closed the connection ${when}${rest}`));
  }

  /** The error about an answer to `name` that is not as expected; the line is over with it. */
  garbled(name: string, expected: string, got: Uint8Array): PortError {
    return this.end(
      new PortError(
        'PORT_PROTOCOL',
        `${this.#peer}'s reply to ${name}: expected ${expected}; got ${hex(got)}`,
      ),
    );
  }

  /** Ends the line for this reason, and returns it. */
  end<E extends PortError>(error: E): E {
    this.#over ??= error;
    this.#stream.discard();
    return error;
  }

  /** Throws the error with which the line ended, if it did. */
  throwOver(): void {
    if (this.#over) throw this.#over;
  }

  /** Closes the socket, once: its number may be that of somebody else's file afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.end(new DutGoneError(`the connection to ${this.#peer} was closed by this side`));
    libc().close(this.socket);
  }

  #stalled(name: string): string {
    const { partial } = this.#stream;
    const got = partial.length === 0 ? 'nothing' : `${partial.length} bytes of a message: ${hex(partial)}`;
    return `${this.#peer} does not reply to ${name} within ${this.#limitMs} ms; it sent ${got}`;
  }
}

/** Connects to who has taken the place of a peer. Throws `DutGoneError` where nobody has, and what `connect` throws. */
export function reconnected(connect: () => void): void {
  try {
    connect();
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    throw new DutGoneError(`nobody has taken its place: ${error.message}`);
  }
}

function hex(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'no bytes';
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex');
  return bytes.length > SHOWN_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}
