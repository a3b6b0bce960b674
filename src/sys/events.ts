/** Event descriptors, and waiting for several descriptors at once. */
import { failed, lazily, native } from './native.js';

const EFD_NONBLOCK_CLOEXEC = 0o2004000;
const COUNTER_BYTES = 8;

const functions = lazily(() => {
  const { func } = native();
  return {
    eventfd: func('eventfd', 'int', ['uint', 'int']),
    read: func('read', 'long', ['int', 'void *', 'size_t']),
    write: func('write', 'long', ['int', 'void *', 'size_t']),
    poll: func('poll', 'int', ['void *', 'ulong', 'int']),
  };
});

const counter = Buffer.alloc(COUNTER_BYTES);
const one = Buffer.alloc(COUNTER_BYTES);
one.writeBigUInt64LE(1n);

/** An eventfd: a counter of signals, closed on exec. Throws `LibcError`. */
export function eventfd(): number {
  const fd = functions().eventfd(0, EFD_NONBLOCK_CLOEXEC);
  if (fd < 0) throw failed('eventfd');
  return fd;
}

/** Signals an eventfd. */
export function signal(fd: number): void {
  // A counter that is full says what it says already.
  if (functions().write(fd, one, COUNTER_BYTES) < 0 && native().errnoName() !== 'EAGAIN')
    throw failed(`write(eventfd ${fd})`);
}

/** How often an eventfd was signalled since it was last taken. */
export function takeSignals(fd: number): number {
  return functions().read(fd, counter, COUNTER_BYTES) === COUNTER_BYTES
    ? Number(counter.readBigUInt64LE())
    : 0;
}

/** struct pollfd. */
const POLLFD_BYTES = 8;
const EVENTS = 4;
const REVENTS = 6;
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLERR = 0x8;
const POLLHUP = 0x10;
const POLLNVAL = 0x20;

/** Descriptors that are waited for together. */
export class PollSet {
  readonly fds: readonly number[];
  readonly #entries: Buffer;

  constructor(fds: readonly number[], events = POLLIN) {
    this.fds = fds;
    this.#entries = Buffer.alloc(POLLFD_BYTES * Math.max(1, fds.length));
    for (const [i, fd] of fds.entries()) {
      this.#entries.writeInt32LE(fd, POLLFD_BYTES * i);
      this.#entries.writeInt16LE(events, POLLFD_BYTES * i + EVENTS);
    }
  }

  /** Blocks until a descriptor is ready or was closed, at most `limitMs` (-1: for ever). Whether one is. */
  wait(limitMs: number): boolean {
    const { poll } = functions();
    const until = performance.now() + limitMs;
    for (let left = Math.ceil(limitMs); ; left = Math.max(0, Math.ceil(until - performance.now()))) {
      const ready = poll(this.#entries, this.fds.length, limitMs < 0 ? -1 : left);
      if (ready >= 0) return ready > 0;
      const error = failed('poll');
      if (error.code !== 'EINTR') throw error;
    }
  }

  /** Whether the last `wait` found something to read, or the other end closed, on the descriptor at this place. */
  readable(index: number): boolean {
    return (this.#found(index) & (POLLIN | POLLHUP | POLLERR)) !== 0;
  }

  /** Whether the last `wait` found the other end of the descriptor at this place closed. */
  hungUp(index: number): boolean {
    return (this.#found(index) & (POLLHUP | POLLERR | POLLNVAL)) !== 0;
  }

  #found(index: number): number {
    return this.#entries.readInt16LE(POLLFD_BYTES * index + REVENTS);
  }
}

/** Blocks until something can be written, or the other end was closed, at most `limitMs` (-1: for ever). Whether it can. */
export function waitWritable(fd: number, limitMs: number): boolean {
  return new PollSet([fd], POLLOUT).wait(limitMs);
}
