/** The front-end's line to a vhost-user back-end: one message each way at a time, and none waited for without limit. */

import { DutGoneError, DutStalledError, PortError } from '../../port/errors.js';
import { VhostRefusedError } from '../../port/vhost.js';
import { PollSet } from '../../sys/events.js';
import { libc } from '../../sys/libc.js';
import { type FramedMessage, MessageStream } from '../../sys/message-stream.js';
import { LibcError } from '../../sys/native.js';
import { sendTo } from '../../sys/unix-socket.js';
import {
  requestName,
  VhostUserFlag,
  VhostUserRequest,
  type VhostUserRequestName,
  vhostUserHeader,
  vhostUserU64,
} from '../../wire/vhost-user.js';

/** No message of the protocol is longer. */
const MOST_PAYLOAD = 4096;
/** As long as a thread may be deaf for whoever wants to end it. */
const SLICE_MS = 50;
/** As much of what was received as a message shows. */
const SHOWN_BYTES = 64;

/** What a back-end has answered. */
export interface Reply {
  readonly payload: Buffer;
  /** Now the caller's to close. */
  readonly fds: readonly number[];
}

/** One connection. */
export class VhostUserConnection {
  readonly socket: number;
  /** Set once REPLY_ACK is negotiated: every request is acknowledged. */
  acknowledged = false;
  /** Called while a reply is waited for: the back-end may want something first. */
  attend: () => void = () => {};
  readonly #stream: MessageStream;
  readonly #limitMs: number;
  #readable: PollSet;
  #over: PortError | undefined;

  /** Takes over a connected socket. `limitMs`: how long a reply may take. */
  constructor(socket: number, limitMs: number) {
    this.socket = socket;
    this.#limitMs = limitMs;
    this.#readable = new PollSet([socket]);
    this.#stream = new MessageStream(socket, vhostUserHeader.size, (header) => this.#payloadSize(header));
  }

  /** Whether anything can still be said. */
  get alive(): boolean {
    return this.#over === undefined;
  }

  /** Another descriptor on which something may come while a reply is waited for. */
  watch(fd: number): void {
    this.#readable = new PollSet([this.socket, fd]);
  }

  /** Sends what has no reply; where requests are acknowledged, throws `VhostRefusedError` for what is refused. */
  tell(name: VhostUserRequestName, payload: Uint8Array, fds: readonly number[] = []): void {
    this.#send(name, payload, fds, this.acknowledged);
    if (!this.acknowledged) return;
    const { payload: reply } = this.#replyTo(name, 0);
    if (reply.length !== vhostUserU64.size) throw this.#garbled(name, 'an acknowledgement of 8 bytes', reply);
    const { value } = vhostUserU64.read(reply);
    if (value !== 0n) throw new VhostRefusedError(`${name} was refused: the back-end answered ${value}`);
  }

  /** Sends what has a reply of its own. `size`: the bytes that it must have; `fds`: descriptors that it may bring. */
  ask(name: VhostUserRequestName, payload: Uint8Array, size: number, fds = 0): Reply {
    this.#send(name, payload, [], false);
    const reply = this.#replyTo(name, fds);
    if (reply.payload.length === size || (name === 'GET_CONFIG' && reply.payload.length === 0)) return reply;
    for (const fd of reply.fds) libc().close(fd);
    throw this.#garbled(name, `a reply of ${size} bytes`, reply.payload);
  }

  /** Asks for a number. */
  askU64(name: VhostUserRequestName): bigint {
    return vhostUserU64.read(this.ask(name, new Uint8Array(0), vhostUserU64.size).payload).value;
  }

  /** Throws when the back-end has closed the connection, or says something unasked. */
  check(): void {
    this.#throwOver();
    const message = this.#receive('between requests');
    if (message === undefined) return;
    for (const fd of message.fds) libc().close(fd);
    throw this.#garbled('no request', 'silence', Buffer.concat([message.header, message.payload]));
  }

  close(): void {
    this.#over ??= new DutGoneError('the connection to the back-end was closed by this side');
    this.#stream.discard();
    libc().close(this.socket);
  }

  #send(name: VhostUserRequestName, payload: Uint8Array, fds: readonly number[], needReply: boolean): void {
    this.#throwOver();
    const { VERSION, NEED_REPLY } = VhostUserFlag;
    const header = vhostUserHeader.encode({
      request: VhostUserRequest[name],
      flags: VERSION | (needReply ? NEED_REPLY : 0),
      size: payload.length,
    });
    try {
      sendTo(this.socket, Buffer.concat([header, payload]), fds);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      // Reading says more about a line that was closed.
      this.#receive(`when it was to take ${name}`);
      throw this.#end(
        new DutGoneError(`the back-end takes no more requests (${error.code}), the next was ${name}`),
      );
    }
  }

  #replyTo(name: VhostUserRequestName, mostFds: number): Reply {
    const deadline = performance.now() + this.#limitMs;
    for (;;) {
      const message = this.#receive(`when it was to reply to ${name}`);
      if (message) return this.#checked(name, message, mostFds);
      this.attend();
      const left = deadline - performance.now();
      if (left <= 0) throw this.#end(new DutStalledError(this.#stalled(name)));
      this.#readable.wait(Math.min(left, SLICE_MS));
    }
  }

  #checked(name: VhostUserRequestName, { header, payload, fds }: FramedMessage, mostFds: number): Reply {
    const { request, flags } = vhostUserHeader.read(header);
    const whole = Buffer.concat([header, payload]);
    const close = () => {
      for (const fd of fds) libc().close(fd);
    };
    const { VERSION, VERSION_MASK, REPLY } = VhostUserFlag;
    if (request !== VhostUserRequest[name]) {
      close();
      throw this.#garbled(name, `a reply to it, not to ${requestName(request)}`, whole);
    }
    if ((flags & VERSION_MASK) !== VERSION || (flags & REPLY) === 0) {
      close();
      throw this.#garbled(name, `flags of a reply of version 1, not 0x${flags.toString(16)}`, whole);
    }
    if (fds.length > mostFds) {
      close();
      throw this.#garbled(name, `at most ${mostFds} descriptors, not ${fds.length}`, whole);
    }
    return { payload, fds };
  }

  #receive(when: string): FramedMessage | undefined {
    let got: FramedMessage | 'closed' | undefined;
    try {
      got = this.#stream.next();
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      throw this.#end(new DutGoneError(`the back-end broke the connection (${error.code}) ${when}`));
    }
    if (got !== 'closed') return got;
    const { partial } = this.#stream;
    const rest = partial.length === 0 ? '' : `, after ${partial.length} bytes of a message: ${hex(partial)}`;
    throw this.#end(new DutGoneError(`the back-end closed the connection ${when}${rest}`));
  }

  #payloadSize(header: Buffer): number {
    const { size } = vhostUserHeader.read(header);
    if (size > MOST_PAYLOAD)
      throw this.#garbled('a request', `a payload of at most ${MOST_PAYLOAD} bytes, not ${size}`, header);
    return size;
  }

  #stalled(name: string): string {
    const { partial } = this.#stream;
    const got = partial.length === 0 ? 'nothing' : `${partial.length} bytes of a message: ${hex(partial)}`;
    return `the back-end does not reply to ${name} within ${this.#limitMs} ms; it sent ${got}`;
  }

  #garbled(name: string, expected: string, got: Uint8Array): PortError {
    return this.#end(
      new PortError(
        'PORT_PROTOCOL',
        `the back-end's reply to ${name}: expected ${expected}; got ${hex(got)}`,
      ),
    );
  }

  #throwOver(): void {
    if (this.#over) throw this.#over;
  }

  /** Nothing that comes after such an error can be understood. */
  #end<E extends PortError>(error: E): E {
    this.#over ??= error;
    this.#stream.discard();
    return error;
  }
}

function hex(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'no bytes';
  const shown = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex');
  return bytes.length > SHOWN_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}
