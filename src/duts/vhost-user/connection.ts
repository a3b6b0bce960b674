/** The front-end's line to a vhost-user back-end: one message each way at a time. */

import { VhostRefusedError } from '../../port/vhost.js';
import { closeAll } from '../../sys/libc.js';
import type { FramedMessage } from '../../sys/message-stream.js';
import {
  requestName,
  VHOST_USER_MAX_REGIONS,
  VhostUserFlag,
  VhostUserRequest,
  type VhostUserRequestName,
  vhostUserHeader,
  vhostUserU64,
} from '../../wire/vhost-user.js';
import { MessageLine } from '../message-line.js';

/** No message of the protocol is longer. */
const MOST_PAYLOAD = 4096;

/** What a back-end has answered. */
export interface Reply {
  readonly payload: Buffer;
  /** Now the caller's to close. */
  readonly fds: readonly number[];
}

/** One connection. */
export class VhostUserConnection {
  /** Set once REPLY_ACK is negotiated: every request is acknowledged. */
  acknowledged = false;
  /** Called while a reply is waited for: the back-end may want something first. */
  attend: () => void = () => {};
  readonly #line: MessageLine;

  /** Takes over a connected socket. `limitMs`: how long a reply may take. */
  constructor(socket: number, limitMs: number) {
    this.#line = new MessageLine(socket, limitMs, {
      peer: 'the back-end',
      headerSize: vhostUserHeader.size,
      mostFds: VHOST_USER_MAX_REGIONS,
      payloadSize: (header) => this.#payloadSize(header),
    });
  }

  get socket(): number {
    return this.#line.socket;
  }

  /** Whether anything can still be said. */
  get alive(): boolean {
    return this.#line.alive;
  }

  /** Another descriptor on which something may come while a reply is waited for. */
  watch(fd: number): void {
    this.#line.watch(fd);
  }

  /** Sends what has no reply; where requests are acknowledged, throws `VhostRefusedError` for what is refused. */
  tell(name: VhostUserRequestName, payload: Uint8Array, fds: readonly number[] = []): void {
    this.#send(name, payload, fds, this.acknowledged);
    if (!this.acknowledged) return;
    const { payload: reply } = this.#replyTo(name, 0);
    if (reply.length !== vhostUserU64.size)
      throw this.#line.garbled(name, 'an acknowledgement of 8 bytes', reply);
    const { value } = vhostUserU64.read(reply);
    if (value !== 0n) throw new VhostRefusedError(`${name} was refused: the back-end answered ${value}`);
  }

  /** Sends what has a reply of its own. `size`: the bytes that it must have; `fds`: descriptors that it may bring. */
  ask(name: VhostUserRequestName, payload: Uint8Array, size: number, fds = 0): Reply {
    this.#send(name, payload, [], false);
    const reply = this.#replyTo(name, fds);
    if (reply.payload.length === size || (name === 'GET_CONFIG' && reply.payload.length === 0)) return reply;
    closeAll(reply.fds);
    throw this.#line.garbled(name, `a reply of ${size} bytes`, reply.payload);
  }

  /** Asks for a number. */
  askU64(name: VhostUserRequestName): bigint {
    return vhostUserU64.read(this.ask(name, new Uint8Array(0), vhostUserU64.size).payload).value;
  }

  /** Throws when the back-end has closed the connection, or says something unasked. */
  check(): void {
    this.#line.throwOver();
    const message = this.#line.receive('between requests');
    if (message === undefined) return;
    closeAll(message.fds);
    throw this.#line.garbled('no request', 'silence', Buffer.concat([message.header, message.payload]));
  }

  close(): void {
    this.#line.close();
  }

  #send(name: VhostUserRequestName, payload: Uint8Array, fds: readonly number[], needReply: boolean): void {
    const { VERSION, NEED_REPLY } = VhostUserFlag;
    const header = vhostUserHeader.encode({
      request: VhostUserRequest[name],
      flags: VERSION | (needReply ? NEED_REPLY : 0),
      size: payload.length,
    });
    this.#line.send(name, Buffer.concat([header, payload]), fds);
  }

  #replyTo(name: VhostUserRequestName, mostFds: number): Reply {
    const { header, payload, fds }: FramedMessage = this.#line.await(name, () => this.attend());
    const { request, flags } = vhostUserHeader.read(header);
    const wrong = (expected: string) => {
      closeAll(fds);
      return this.#line.garbled(name, expected, Buffer.concat([header, payload]));
    };
    const { VERSION, VERSION_MASK, REPLY } = VhostUserFlag;
    if (request !== VhostUserRequest[name]) throw wrong(`a reply to it, not to ${requestName(request)}`);
    if ((flags & VERSION_MASK) !== VERSION || (flags & REPLY) === 0)
      throw wrong(`flags of a reply of version 1, not 0x${flags.toString(16)}`);
    if (fds.length > mostFds) throw wrong(`at most ${mostFds} descriptors, not ${fds.length}`);
    return { payload, fds };
  }

  #payloadSize(header: Buffer): number {
    const { size } = vhostUserHeader.read(header);
    if (size > MOST_PAYLOAD)
      throw this.#line.garbled(
        'a request',
        `a payload of at most ${MOST_PAYLOAD} bytes, not ${size}`,
        header,
      );
    return size;
  }
}
