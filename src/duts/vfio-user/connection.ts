/** The client's line to a vfio-user server: commands and their replies, and what the server asks of memory meanwhile. */
import { getSystemErrorName } from 'node:util';
import { type DutGoneError, DutStalledError, PortError } from '../../port/errors.js';
import { closeAll } from '../../sys/libc.js';
import type { FramedMessage } from '../../sys/message-stream.js';
import { vfioDeviceInfo } from '../../wire/vfio.js';
import {
  VFIO_USER_MAJOR,
  VFIO_USER_MINOR,
  VfioUserCommand,
  type VfioUserCommandName,
  VfioUserDefault,
  VfioUserFlag,
  vfioUserDmaAccess,
  vfioUserHeader,
  vfioUserVersion,
} from '../../wire/vfio-user.js';
import type { HeldMemory } from '../guest-memory.js';
import { MessageLine } from '../message-line.js';

/** Bytes that a message to this end can have besides the data that it moves. */
const MOST_FRAME = 4096;
/** Descriptors that this end takes with a message. */
const MOST_FDS = 8;
const MOST_DATA = VfioUserDefault.MAX_DATA_XFER_SIZE;
/** Commands without reply that may be under way: far fewer than would fill the socket. */
const MOST_POSTED = 32;
const ID_MASK = 0xffff;
/** What the server asks is answered so many times in a row before this end looks at something else. */
const MOST_ASKED = 1000;
const NOTHING = new Uint8Array(0);

const EFAULT = 14;
const EINVAL = 22;
const EOPNOTSUPP = 95;

/** The server has replied to a command with an error. */
export class VfioUserRefusedError extends Error {
  /** 0 where the server does not tell. */
  readonly errno: number;
  constructor(name: string, errno: number) {
    super(`the server refuses ${name}: ${errno === 0 ? 'it does not say why' : errorName(errno)}`);
    this.name = 'VfioUserRefusedError';
    this.errno = errno;
  }
}

function errorName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `error ${errno}`;
  }
}

/** What a command is sent with, and what its reply may be. */
interface Asking {
  readonly fds?: readonly number[];
  /** Fixed bytes that the reply has at least; default none. */
  readonly least?: number;
  /** Bytes that it has at most; default as many as `least`. */
  readonly most?: number;
}

/** One connection. */
export class VfioUserConnection {
  readonly #line: MessageLine;
  readonly #memory: HeldMemory;
  #id = 0;
  #posted = 0;
  #serverFds: number = VfioUserDefault.MAX_MSG_FDS;
  #serverData: number = VfioUserDefault.MAX_DATA_XFER_SIZE;

  /** Takes over a connected socket. `limitMs`: how long a reply may take. `memory`: what the server may ask for. */
  constructor(socket: number, limitMs: number, memory: HeldMemory) {
    this.#memory = memory;
    this.#line = new MessageLine(socket, limitMs, {
      peer: 'the server',
      headerSize: vfioUserHeader.size,
      mostFds: MOST_FDS,
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

  /** Descriptors that the server takes with a message. */
  get serverFds(): number {
    return this.#serverFds;
  }

  /** Agrees on a version and on limits. Throws PortError. */
  negotiate(): void {
    const capabilities = { max_msg_fds: MOST_FDS, max_data_xfer_size: MOST_DATA };
    const version = vfioUserVersion.encode({ major: VFIO_USER_MAJOR, minor: VFIO_USER_MINOR });
    const text = Buffer.from(`${JSON.stringify({ capabilities })}\0`);
    const reply = this.ask('VERSION', Buffer.concat([version, text]), {
      least: vfioUserVersion.size,
      most: MOST_FRAME,
    });
    const { major, minor } = vfioUserVersion.read(reply);
    if (major !== VFIO_USER_MAJOR || minor > VFIO_USER_MINOR)
      throw this.#line.end(
        new PortError(
          'PORT_SETUP',
          `the server speaks version ${major}.${minor} of vfio-user, the suite ${VFIO_USER_MAJOR}.${VFIO_USER_MINOR}`,
        ),
      );
    this.#takeCapabilities(reply);
  }

  #takeCapabilities(reply: Buffer): void {
    const text = reply.toString('utf8', vfioUserVersion.size).replace(/\0.*$/s, '');
    if (text === '') return;
    let told: unknown;
    try {
      told = JSON.parse(text);
    } catch {
      throw this.#line.garbled('VERSION', 'capabilities in JSON', reply);
    }
    const { capabilities } = (told ?? {}) as { capabilities?: Record<string, unknown> };
    const limit = (name: string, usual: number): number => {
      const value = capabilities?.[name] ?? usual;
      if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
      throw this.#line.garbled('VERSION', `a count for ${name}, not ${JSON.stringify(value)}`, reply);
    };
    this.#serverFds = limit('max_msg_fds', VfioUserDefault.MAX_MSG_FDS);
    this.#serverData = limit('max_data_xfer_size', VfioUserDefault.MAX_DATA_XFER_SIZE);
    if (this.#serverData < 4)
      throw this.#line.garbled('VERSION', 'accesses of 4 bytes within max_data_xfer_size', reply);
  }

  /** Sends a command and returns what its reply has. Throws VfioUserRefusedError, PortError and DutGoneError. */
  ask(
    name: VfioUserCommandName,
    payload: Uint8Array,
    { fds = [], least = 0, most = least }: Asking = {},
  ): Buffer {
    const id = this.#send(name, payload, fds, 0);
    this.#posted = 0;
    const deadline = this.#line.deadline();
    for (let asked = 1; ; asked++) {
      const message = this.#line.await(name, undefined, deadline);
      if (!isCommand(message)) return this.#checked(name, id, message, least, most);
      this.#serve(message, deadline);
      if (performance.now() > deadline)
        throw this.#line.end(
          new DutStalledError(`the server asks for memory, and does not reply to ${name}: ${asked} times`),
        );
    }
  }

  /** Sends a command without waiting for it; what becomes of it is not told. */
  post(name: VfioUserCommandName, payload: Uint8Array): void {
    if (this.#posted >= MOST_POSTED) this.fence();
    this.#send(name, payload, [], VfioUserFlag.NO_REPLY);
    this.#posted++;
  }

  /** Returns when the server has carried out what was posted: it takes commands in their order. */
  fence(): void {
    if (this.#posted > 0) this.deviceInfo();
  }

  /** What the server says of the function. */
  deviceInfo(): ReturnType<typeof vfioDeviceInfo.read> {
    const { size } = vfioDeviceInfo;
    const request = vfioDeviceInfo.encode({ argsz: size });
    return vfioDeviceInfo.read(this.ask('DEVICE_GET_INFO', request, { least: size }));
  }

  /** Answers what the server asks, or the first of it, in limited time; throws when it has gone, or says something that it was not asked. */
  attend(): void {
    this.#line.throwOver();
    const deadline = this.#line.deadline();
    for (let asked = 0; asked < MOST_ASKED && performance.now() < deadline; asked++) {
      const message = this.#line.receive('between commands');
      if (message === undefined) return;
      if (!isCommand(message)) {
        closeAll(message.fds);
        throw this.#line.garbled('no command', 'silence', Buffer.concat([message.header, message.payload]));
      }
      this.#serve(message, deadline);
    }
  }

  /** Ends the connection for this reason, and returns it. */
  end<E extends PortError | DutGoneError>(error: E): E {
    return this.#line.end(error);
  }

  /** The error about a reply that is not as expected, with which the connection ends. */
  garbled(name: VfioUserCommandName, expected: string, got: Uint8Array): PortError {
    return this.#line.garbled(name, expected, got);
  }

  close(): void {
    this.#line.close();
  }

  #send(name: VfioUserCommandName, payload: Uint8Array, fds: readonly number[], flags: number): number {
    this.#id = (this.#id + 1) & ID_MASK;
    const header = vfioUserHeader.encode({
      id: this.#id,
      command: VfioUserCommand[name],
      size: vfioUserHeader.size + payload.length,
      flags: VfioUserFlag.COMMAND | flags,
    });
    this.#line.send(name, Buffer.concat([header, payload]), fds);
    return this.#id;
  }

  #checked(
    name: VfioUserCommandName,
    asked: number,
    { header, payload, fds }: FramedMessage,
    least: number,
    most: number,
  ): Buffer {
    // Regions are accessed by messages alone: nothing that could be mapped is kept.
    closeAll(fds);
    const { id, command, flags, error } = vfioUserHeader.read(header);
    const wrong = (expected: string) => this.#line.garbled(name, expected, Buffer.concat([header, payload]));
    if (command !== VfioUserCommand[name]) throw wrong(`command ${VfioUserCommand[name]}, not ${command}`);
    if (id !== asked) throw wrong(`message id ${asked}, not ${id}`);
    if ((flags & VfioUserFlag.ERROR) !== 0) throw new VfioUserRefusedError(name, error);
    if (payload.length < least || payload.length > most)
      throw wrong(
        `${least === most ? least : `${least} to ${most}`} bytes behind the header, not ${payload.length}`,
      );
    return payload;
  }

  /** Carries out a command of the server's, which has to take the reply by `deadline`. */
  #serve({ header, payload, fds }: FramedMessage, deadline: number): void {
    closeAll(fds);
    const { id, command, flags } = vfioUserHeader.read(header);
    const outcome = this.#answer(command, payload);
    if ((flags & VfioUserFlag.NO_REPLY) !== 0) return;
    const failed = typeof outcome === 'number';
    const body = failed ? NOTHING : outcome;
    const reply = vfioUserHeader.encode({
      id,
      command,
      size: vfioUserHeader.size + body.length,
      flags: VfioUserFlag.REPLY | (failed ? VfioUserFlag.ERROR : 0),
      error: failed ? outcome : 0,
    });
    this.#line.send('a reply', Buffer.concat([reply, body]), [], deadline);
  }

  /** The body of the reply, or an errno. */
  #answer(command: number, payload: Buffer): Uint8Array | number {
    const { DMA_READ, DMA_WRITE } = VfioUserCommand;
    if (command !== DMA_READ && command !== DMA_WRITE) return EOPNOTSUPP;
    if (payload.length < vfioUserDmaAccess.size) return EINVAL;
    const { address, count } = vfioUserDmaAccess.read(payload);
    const data = payload.subarray(vfioUserDmaAccess.size);
    if (count > BigInt(MOST_DATA) || BigInt(data.length) !== (command === DMA_WRITE ? count : 0n))
      return EINVAL;
    const memory = this.#memory.at(Number(address), Number(count));
    if (memory === undefined) return EFAULT;
    const head = vfioUserDmaAccess.encode({ address, count });
    if (command === DMA_READ) return Buffer.concat([head, memory]);
    memory.set(data);
    return head;
  }

  #payloadSize(header: Buffer): number {
    const { size } = vfioUserHeader.read(header);
    const least = vfioUserHeader.size;
    if (size < least || size > least + MOST_FRAME + MOST_DATA)
      throw this.#line.garbled(
        'a command',
        `a message of ${least} to ${least + MOST_FRAME + MOST_DATA} bytes, not ${size}`,
        header,
      );
    return size - least;
  }
}

function isCommand({ header }: FramedMessage): boolean {
  return (vfioUserHeader.read(header).flags & VfioUserFlag.TYPE_MASK) === VfioUserFlag.COMMAND;
}
