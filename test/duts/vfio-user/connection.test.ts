/** What a hostile or broken server sends must end in a clear error, within a limited time, and leak no descriptor. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { HeldMemory } from '../../../src/duts/guest-memory.js';
import { VfioUserConnection, VfioUserRefusedError } from '../../../src/duts/vfio-user/connection.js';
import { DutGoneError, DutStalledError } from '../../../src/port/errors.js';
import { eventfd } from '../../../src/sys/events.js';
import { libc } from '../../../src/sys/libc.js';
import { receiveFrom, sendTo, unixPair } from '../../../src/sys/unix-socket.js';

const LIMIT_MS = 60;
const BASE = 0x10_0000;
const open = new Set<number>();
const connections: VfioUserConnection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  for (const fd of open) libc().close(fd);
  open.clear();
});

/** A connection with a page of memory, and the server's end of it, into which messages are put before they are taken. */
function connected() {
  const [near, far] = unixPair();
  open.add(far);
  const bytes = new Uint8Array(4096);
  const memory = new HeldMemory([{ base: BASE, size: bytes.length, fileOffset: 0 }], () => ({ bytes }));
  const line = new VfioUserConnection(near, LIMIT_MS, memory);
  connections.push(line);
  return { line, far, bytes };
}

/** Takes what was sent: all of it, as hex digits. */
const taken = (far: number) => receiveFrom(far, 2 ** 16)?.data.toString('hex');

function hangUp(far: number): void {
  open.delete(far);
  libc().close(far);
}

/** Header fields by the offsets of the specification. */
interface Fields {
  readonly id?: number;
  readonly command: number;
  readonly size?: number;
  readonly flags?: number;
  readonly error?: number;
}
const REPLY = 1;
const NO_REPLY = 0x10;
const ERROR = 0x20;

function message({ id = 1, command, size, flags = REPLY, error = 0 }: Fields, body = ''): Buffer {
  const payload = Buffer.from(body, 'hex');
  const header = Buffer.alloc(16);
  header.writeUInt16LE(id, 0);
  header.writeUInt16LE(command, 2);
  header.writeUInt32LE(size ?? 16 + payload.length, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(error, 12);
  return Buffer.concat([header, payload]);
}
const [VERSION, GET_INFO, DMA_READ, DMA_WRITE, RESET] = [1, 4, 11, 12, 13] as const;
const INFO = '10000000 02000000 09000000 05000000'.replaceAll(' ', '');
const capabilities = (json: string) => `00000000${Buffer.from(json).toString('hex')}00`;

test('proposes version 0.0 with its limits, and takes over those of the server', () => {
  const { line, far } = connected();
  sendTo(far, message({ command: VERSION }, capabilities('{"capabilities":{"max_msg_fds":8}}')));
  line.negotiate();
  const sent = receiveFrom(far, 1000)?.data ?? Buffer.alloc(0);
  expect(sent.toString('hex', 0, 20)).toBe(
    `01000100${sent.length.toString(16).padStart(2, '0')}000000000000000000000000000000`,
  );
  expect(sent.toString('utf8', 20)).toBe('{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}\0');
  expect(line.serverFds).toBe(8);
});

test.each(['00000000', capabilities('{}'), capabilities('{"capabilities":{}}'), capabilities('null')])(
  'has the usual limits where the server tells none: %s',
  (body) => {
    const { line, far } = connected();
    sendTo(far, message({ command: VERSION }, body));
    line.negotiate();
    expect(line.serverFds).toBe(1);
  },
);

test.each([
  ['another major version', '01000000', 'PORT_SETUP', /speaks version 1\.0 of vfio-user, the suite 0\.0/],
  ['a later minor version than proposed', '00000700', 'PORT_SETUP', /speaks version 0\.7/],
  ['no version', '0000', 'PORT_PROTOCOL', /4 to 4096 bytes behind the header, not 2/],
  ['what is no JSON', capabilities('{'), 'PORT_PROTOCOL', /VERSION: expected capabilities in JSON/],
  [
    'no descriptor at all',
    capabilities('{"capabilities":{"max_msg_fds":0}}'),
    'PORT_PROTOCOL',
    /a count for max_msg_fds, not 0/,
  ],
  [
    'limits in words',
    capabilities('{"capabilities":{"max_data_xfer_size":"much"}}'),
    'PORT_PROTOCOL',
    /a count for max_data_xfer_size, not "much"/,
  ],
  [
    'no room for a register',
    capabilities('{"capabilities":{"max_data_xfer_size":2}}'),
    'PORT_PROTOCOL',
    /accesses of 4 bytes/,
  ],
])('does not begin with a server that answers %s', (_, body, code, text) => {
  const { line, far } = connected();
  sendTo(far, message({ command: VERSION }, body));
  expect(() => line.negotiate()).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(text) }),
  );
  expect(line.alive).toBe(false);
});

test('commands are numbered, and replies belong to them', () => {
  const { line, far } = connected();
  sendTo(far, message({ id: 1, command: GET_INFO }, INFO));
  sendTo(far, message({ id: 2, command: GET_INFO }, INFO));
  expect(line.deviceInfo()).toEqual({ argsz: 16, flags: 2, num_regions: 9, num_irqs: 5 });
  expect(taken(far)).toBe(`01000400200000000000000000000000${'10000000'.padEnd(32, '0')}`);
  line.deviceInfo();
  expect(taken(far)?.slice(0, 8)).toBe('02000400');
});

test.each([
  ['an error', { command: RESET, flags: REPLY | ERROR, error: 22 }, /refuses DEVICE_RESET: EINVAL/],
  ['an error without a reason', { command: RESET, flags: REPLY | ERROR }, /it does not say why/],
  ['an unknown error', { command: RESET, flags: REPLY | ERROR, error: 0x7fff_ffff }, /error -?2147483647/],
])('a command that is answered by %s is refused, and others are not', (_, fields, text) => {
  const { line, far } = connected();
  sendTo(far, message(fields));
  expect(() => line.ask('DEVICE_RESET', new Uint8Array(0))).toThrow(
    expect.objectContaining({ name: VfioUserRefusedError.name, message: expect.stringMatching(text) }),
  );
  sendTo(far, message({ id: 2, command: RESET }));
  line.ask('DEVICE_RESET', new Uint8Array(0));
});

test.each([
  ['another command', message({ command: RESET }, INFO), /command 4, not 13/],
  ['another id', message({ id: 7, command: GET_INFO }, INFO), /message id 1, not 7/],
  ['an error of another command', message({ command: RESET, flags: REPLY | ERROR, error: 22 }), /not 13/],
  ['too short', message({ command: GET_INFO }, INFO.slice(8)), /16 bytes behind the header, not 12/],
  ['too long', message({ command: GET_INFO }, `${INFO}00`), /16 bytes behind the header, not 17/],
  ['shorter than its header', message({ command: GET_INFO, size: 15 }), /16 to 1052688 bytes, not 15/],
  ['endless', message({ command: GET_INFO, size: 0xffff_ffff }), /not 4294967295/],
  ['noise', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /a message of 16 to 1052688 bytes/],
])('names what is wrong with a reply: %s', (_, bytes, text) => {
  const { line, far } = connected();
  sendTo(far, bytes);
  expect(() => line.deviceInfo()).toThrow(
    expect.objectContaining({ code: 'PORT_PROTOCOL', message: expect.stringMatching(text) }),
  );
  // Whatever comes next says the same.
  expect(() => line.attend()).toThrow(text);
});

test.each([
  ['says nothing', Buffer.alloc(0), /does not reply to DEVICE_GET_INFO within 60 ms; it sent nothing/],
  [
    'stops within a header',
    message({ command: GET_INFO }, INFO).subarray(0, 5),
    /it sent 5 bytes of a message/,
  ],
  ['stops within a payload', message({ command: GET_INFO }, INFO).subarray(0, 20), /it sent 20 bytes/],
])('ends the wait for a server that %s', (_, bytes, text) => {
  const { line, far } = connected();
  sendTo(far, bytes);
  expect(() => line.deviceInfo()).toThrow(DutStalledError);
  expect(() => line.deviceInfo()).toThrow(text);
});

test('tells of a server that goes, also within a message', () => {
  const whole = connected();
  hangUp(whole.far);
  expect(() => whole.line.attend()).toThrow(DutGoneError);
  const part = connected();
  sendTo(part.far, message({ command: GET_INFO }, INFO).subarray(0, 18));
  hangUp(part.far);
  expect(() => part.line.deviceInfo()).toThrow(/closed the connection.*after 18 bytes of a message/);
});

test('does not take what comes unasked for a reply', () => {
  const { line, far } = connected();
  line.attend();
  sendTo(far, message({ command: GET_INFO }, INFO));
  expect(() => line.attend()).toThrow(/no command: expected silence/);
});

/** An address and a count, as DMA messages have them. */
function range(address: bigint, count: bigint): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(address, 0);
  bytes.writeBigUInt64LE(count, 8);
  return bytes.toString('hex');
}
const FROM = BigInt(BASE);

test('answers DMA while a reply is waited for, and while none is', () => {
  const { line, far, bytes } = connected();
  bytes.set([1, 2, 3], 16);
  sendTo(far, message({ id: 9, command: DMA_READ, flags: 0 }, range(FROM + 16n, 3n)));
  sendTo(far, message({ id: 10, command: DMA_WRITE, flags: 0 }, `${range(FROM + 4095n, 1n)}ee`));
  sendTo(far, message({ id: 11, command: DMA_WRITE, flags: NO_REPLY }, `${range(FROM, 1n)}dd`));
  sendTo(far, message({ command: GET_INFO }, INFO));
  line.deviceInfo();
  expect([bytes[0], bytes[4095]]).toEqual([0xdd, 0xee]);
  const read = message({ id: 9, command: DMA_READ }, `${range(FROM + 16n, 3n)}010203`).toString('hex');
  const written = message({ id: 10, command: DMA_WRITE }, range(FROM + 4095n, 1n)).toString('hex');
  expect(taken(far)?.slice(64)).toBe(read + written);
  sendTo(far, message({ id: 12, command: DMA_READ, flags: 0 }, range(FROM, 1n)));
  line.attend();
  expect(taken(far)).toBe(message({ id: 12, command: DMA_READ }, `${range(FROM, 1n)}dd`).toString('hex'));
});

const EFAULT = 14;
const EINVAL = 22;
const EOPNOTSUPP = 95;
test.each([
  ['a read beyond memory', DMA_READ, range(FROM + 4095n, 2n), EFAULT],
  ['a read below memory', DMA_READ, range(FROM - 1n, 1n), EFAULT],
  ['a read from the end of all addresses', DMA_READ, range(2n ** 64n - 1n, 2n), EFAULT],
  ['a write beyond memory', DMA_WRITE, `${range(FROM + 4096n, 1n)}aa`, EFAULT],
  ['a read of more than was agreed upon', DMA_READ, range(FROM, 2n ** 63n), EINVAL],
  ['a write with fewer bytes than it says', DMA_WRITE, `${range(FROM, 2n)}aa`, EINVAL],
  ['a read with bytes', DMA_READ, `${range(FROM, 2n)}aaaa`, EINVAL],
  ['half an address', DMA_READ, '00000000', EINVAL],
  ['a command of the client', GET_INFO, INFO, EOPNOTSUPP],
  ['a command that there is not', 0x7777, '', EOPNOTSUPP],
])('%s is refused, and nothing else comes of it', (_, command, body, errno) => {
  const { line, far, bytes } = connected();
  sendTo(far, message({ id: 5, command, flags: 0 }, body));
  line.attend();
  expect(taken(far)).toBe(message({ id: 5, command, flags: REPLY | ERROR, error: errno }).toString('hex'));
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  sendTo(far, message({ id: 6, command, flags: NO_REPLY }, body));
  line.attend();
  expect(taken(far)).toBe(undefined);
});

test('a server that only ever asks for memory does not keep the client from its limit', () => {
  const { line, far } = connected();
  const asking = message({ id: 5, command: DMA_READ, flags: NO_REPLY }, range(FROM, 1n));
  const many = Buffer.concat(Array<Buffer>(1000).fill(asking));
  sendTo(far, many);
  line.attend();
  // More than can be taken within the limit.
  const { now } = performance;
  try {
    sendTo(far, many);
    let time = now.call(performance);
    performance.now = () => (time += 1);
    expect(() => line.deviceInfo()).toThrow(
      /asks for memory, and does not reply to DEVICE_GET_INFO: \d+ times/,
    );
  } finally {
    performance.now = now;
  }
});

test('does not wait for ever for a server that takes nothing off the line', () => {
  const { line, far } = connected();
  const asking = message({ id: 5, command: DMA_READ, flags: 0 }, range(FROM, 4096n));
  sendTo(far, Buffer.concat(Array<Buffer>(300).fill(asking)));
  expect(() => line.attend()).toThrow(DutStalledError);
  expect(() => line.attend()).toThrow(/does not take a reply off the line within 60 ms/);
});

test('closes descriptors that nobody asked for', () => {
  const { line, far } = connected();
  const event = eventfd();
  open.add(event);
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  sendTo(far, message({ command: GET_INFO }, INFO), [event, event]);
  sendTo(far, message({ id: 2, command: DMA_READ, flags: NO_REPLY }, range(FROM, 1n)), [event]);
  line.deviceInfo();
  line.attend();
  expect(count()).toBe(before);
});

test('posts commands that have no reply, and never more than a few before it waits', () => {
  const { line, far } = connected();
  line.fence();
  expect(taken(far)).toBe(undefined);
  for (let i = 0; i < 32; i++) line.post('DEVICE_RESET', new Uint8Array(0));
  expect(taken(far)).toHaveLength(32 * 32);
  sendTo(far, message({ id: 33, command: GET_INFO }, INFO));
  line.post('DEVICE_RESET', new Uint8Array(0));
  const asked = message({ id: 33, command: GET_INFO, flags: 0 }, '10000000'.padEnd(32, '0'));
  const posted = message({ id: 34, command: RESET, flags: NO_REPLY });
  expect(taken(far)).toBe(Buffer.concat([asked, posted]).toString('hex'));
  expect(() => line.fence()).toThrow(DutStalledError);
});

test('takes no more descriptors with a message than it has said, in however many pieces they come', () => {
  const count = () => readdirSync('/proc/self/fd').length;
  const event = eventfd();
  open.add(event);
  const { line, far } = connected();
  const whole = message({ command: GET_INFO }, INFO);
  const before = count();
  // Each byte of a message may bring some.
  sendTo(far, whole.subarray(0, 20), Array<number>(5).fill(event));
  sendTo(far, whole.subarray(20, 24), Array<number>(4).fill(event));
  expect(() => line.deviceInfo()).toThrow(
    expect.objectContaining({
      code: 'PORT_PROTOCOL',
      message: expect.stringMatching(/the server sends more than 8 descriptors with a message/),
    }),
  );
  expect([line.alive, count()]).toEqual([false, before]);
  const other = connected();
  sendTo(other.far, whole, Array<number>(8).fill(event));
  other.line.deviceInfo();
});
