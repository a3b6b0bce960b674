/** Unix stream sockets that carry descriptors (SCM_RIGHTS). */
import { existsSync, readFileSync } from 'node:fs';
import { waitWritable } from './events.js';
import { failed, LibcError, lazily, native, restarted } from './native.js';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const BACKLOG = 4;

/** struct sockaddr_un. */
const FAMILY_BYTES = 2;
const PATH_BYTES = 108;

/** struct msghdr, struct iovec and struct cmsghdr of 64-bit Linux. */
const MSGHDR_BYTES = 56;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const IOVEC_BYTES = 16;
const IOVEC_LEN = 8;
const CMSG_LEVEL = 8;
const CMSG_TYPE = 12;
const CMSG_DATA = 16;
/** Linux passes no more descriptors in one message. */
const MOST_FDS = 253;

const functions = lazily(() => {
  const { func } = native();
  return {
    socket: func('socket', 'int', ['int', 'int', 'int']),
    socketpair: func('socketpair', 'int', ['int', 'int', 'int', 'void *']),
    bind: func('bind', 'int', ['int', 'void *', 'uint']),
    listen: func('listen', 'int', ['int', 'int']),
    accept4: func('accept4', 'int', ['int', 'void *', 'void *', 'int']),
    connect: func('connect', 'int', ['int', 'void *', 'uint']),
    close: func('close', 'int', ['int']),
    sendmsg: func('sendmsg', 'long', ['int', 'void *', 'int']),
    recvmsg: func('recvmsg', 'long', ['int', 'void *', 'int']),
  };
});

/** Bytes and descriptors that came together. */
export interface Received {
  /** Empty when the other end has closed. */
  readonly data: Buffer;
  /** Now the receiver's to close. */
  readonly fds: readonly number[];
}

function addressOf(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length >= PATH_BYTES)
    throw new LibcError('ENAMETOOLONG', `the name of a socket has at most ${PATH_BYTES - 1} bytes: ${path}`);
  const address = Buffer.alloc(FAMILY_BYTES + PATH_BYTES);
  address.writeUInt16LE(AF_UNIX, 0);
  bytes.copy(address, FAMILY_BYTES);
  return address;
}

function withSocket(what: string, use: (fd: number) => void): number {
  const fd = functions().socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw failed('socket');
  try {
    use(fd);
    return fd;
  } catch (error) {
    functions().close(fd);
    if (error instanceof LibcError) throw new LibcError(error.code, `${what} failed: ${error.code}`);
    throw error;
  }
}

/** Connects to the socket of this name; throws `LibcError` (ENOENT, ECONNREFUSED, …). */
export function connectUnix(path: string): number {
  const address = addressOf(path);
  return withSocket(`connecting to ${path}`, (fd) => {
    restarted(
      () => 'connect',
      () => functions().connect(fd, address, address.length),
    );
  });
}

/** Makes a socket of this name that accepts connections; throws `LibcError` (EADDRINUSE, …). */
export function listenUnix(path: string): number {
  const address = addressOf(path);
  return withSocket(`listening at ${path}`, (fd) => {
    if (functions().bind(fd, address, address.length) < 0) throw failed('bind');
    if (functions().listen(fd, BACKLOG) < 0) throw failed('listen');
  });
}

/** Of the flags in /proc/net/unix: the socket accepts connections. */
const ACCEPTS = 0x10000;

/**
 * Whether somebody listens at the socket of this name, without connecting to it: there are servers that serve one
 * connection and no more. True also where the system does not tell.
 */
export function acceptsConnections(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    // Num RefCount Protocol Flags Type St Inode Path
    const rows = readFileSync('/proc/net/unix', 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((row) => row.slice(7).join(' ') === path);
    return (
      rows.length === 0 || rows.some(([, , , flags = '']) => (Number.parseInt(flags, 16) & ACCEPTS) !== 0)
    );
  } catch {
    return true;
  }
}

/** Waits for the next connection. */
export function acceptUnix(fd: number): number {
  return restarted(
    () => 'accept',
    () => functions().accept4(fd, null, null, 0o2000000),
  );
}

/** Two sockets that are connected to each other. */
export function unixPair(): [number, number] {
  const out = Buffer.alloc(8);
  if (functions().socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, out) < 0) throw failed('socketpair');
  return [out.readInt32LE(0), out.readInt32LE(4)];
}

function align(length: number): number {
  return (length + 7) & ~7;
}

/** A message header with what it points to, which lives as long as the object. */
class Message {
  readonly header = Buffer.alloc(MSGHDR_BYTES);
  readonly #iov = Buffer.alloc(IOVEC_BYTES);
  readonly control: Buffer;

  constructor(fds: number) {
    this.control = Buffer.alloc(align(CMSG_DATA + 4 * fds));
    const { address } = native();
    this.header.writeBigUInt64LE(address(this.#iov), MSG_IOV);
    this.header.writeBigUInt64LE(1n, MSG_IOVLEN);
    if (fds > 0) this.header.writeBigUInt64LE(address(this.control), MSG_CONTROL);
  }

  point(data: Buffer, controlLength: number): Buffer {
    this.#iov.writeBigUInt64LE(native().address(data), 0);
    this.#iov.writeBigUInt64LE(BigInt(data.length), IOVEC_LEN);
    this.header.writeBigUInt64LE(BigInt(controlLength), MSG_CONTROLLEN);
    return this.header;
  }
}

const plain = lazily(() => new Message(0));
const receiving = lazily(() => new Message(MOST_FDS));

/**
 * Sends all of `data`, the descriptors with its first byte. Throws `LibcError`: EPIPE when the other end closed, EAGAIN when
 * it has not taken all of it by `deadline`, as `performance.now` tells time.
 */
export function sendTo(
  socket: number,
  data: Buffer,
  fds: readonly number[] = [],
  deadline = Number.POSITIVE_INFINITY,
): void {
  let message = plain();
  let controlLength = 0;
  if (fds.length > 0) {
    message = new Message(fds.length);
    controlLength = CMSG_DATA + 4 * fds.length;
    message.control.writeBigUInt64LE(BigInt(controlLength), 0);
    message.control.writeInt32LE(SOL_SOCKET, CMSG_LEVEL);
    message.control.writeInt32LE(SCM_RIGHTS, CMSG_TYPE);
    for (const [i, fd] of fds.entries()) message.control.writeInt32LE(fd, CMSG_DATA + 4 * i);
  }
  for (let done = 0; done < data.length; ) {
    const header = message.point(data.subarray(done), controlLength);
    const sent = functions().sendmsg(socket, header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      const error = failed('sendmsg');
      // Time that the system itself keeps (SO_SNDTIMEO) begins anew with every piece that is taken.
      const left = deadline === Number.POSITIVE_INFINITY ? -1 : Math.max(0, deadline - performance.now());
      if (error.code === 'EINTR' || (error.code === 'EAGAIN' && waitWritable(socket, left))) continue;
      throw error;
    }
    done += sent;
    message = plain();
    controlLength = 0;
  }
}

/**
 * Takes up to `most` bytes and the descriptors that came with them; undefined when nothing is there yet. Throws
 * `LibcError` (ECONNRESET, …).
 */
export function receiveFrom(socket: number, most: number): Received | undefined {
  const data = Buffer.allocUnsafeSlow(most);
  const message = receiving();
  const header = message.point(data, message.control.length);
  for (;;) {
    const got = functions().recvmsg(socket, header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got >= 0) return { data: data.subarray(0, got), fds: descriptorsOf(message) };
    const errno = native().errnoName();
    if (errno === 'EAGAIN') return undefined;
    if (errno !== 'EINTR') throw failed('recvmsg');
  }
}

function descriptorsOf({ header, control }: Message): number[] {
  const fds: number[] = [];
  const end = Number(header.readBigUInt64LE(MSG_CONTROLLEN));
  for (let at = 0; at + CMSG_DATA <= end; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSG_DATA) break;
    if (
      control.readInt32LE(at + CMSG_LEVEL) === SOL_SOCKET &&
      control.readInt32LE(at + CMSG_TYPE) === SCM_RIGHTS
    )
      for (let fd = at + CMSG_DATA; fd + 4 <= at + length; fd += 4) fds.push(control.readInt32LE(fd));
    at += align(length);
  }
  return fds;
}
