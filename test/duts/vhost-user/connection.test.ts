/** What a hostile or broken back-end sends must end in a clear error, within a limited time, and leak no descriptor. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { VhostUserConnection } from '../../../src/duts/vhost-user/connection.js';
import { DutGoneError, DutStalledError, PortError } from '../../../src/port/errors.js';
import { VhostRefusedError } from '../../../src/port/vhost.js';
import { eventfd } from '../../../src/sys/events.js';
import { libc } from '../../../src/sys/libc.js';
import { receiveFrom, sendTo, unixPair } from '../../../src/sys/unix-socket.js';
import { VhostUserRequest, vhostUserHeader, vhostUserU64 } from '../../../src/wire/vhost-user.js';

const LIMIT_MS = 60;
const NOTHING = new Uint8Array(0);
const open = new Set<number>();
const connections: VhostUserConnection[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  for (const fd of open) libc().close(fd);
  open.clear();
});

/** A connection, and the back-end's end of it, into which replies are put before they are asked for. */
function connected(): { line: VhostUserConnection; far: number } {
  const [near, far] = unixPair();
  open.add(far);
  const line = new VhostUserConnection(near, LIMIT_MS);
  connections.push(line);
  return { line, far };
}

function hangUp(far: number): void {
  open.delete(far);
  libc().close(far);
}

const REPLY = 5;
function reply(request: number, payload: Uint8Array, flags = REPLY, size = payload.length): Buffer {
  return Buffer.concat([vhostUserHeader.encode({ request, flags, size }), payload]);
}
const u64 = (value: bigint) => vhostUserU64.encode({ value });
const { GET_FEATURES, GET_VRING_BASE, SET_OWNER, GET_INFLIGHT_FD } = VhostUserRequest;

it('sends a header of version 1 and takes the reply', () => {
  const { line, far } = connected();
  sendTo(far, reply(GET_FEATURES, u64(0x1_0000_0006n)));
  expect(line.askU64('GET_FEATURES')).toBe(0x1_0000_0006n);
  expect(receiveFrom(far, 100)?.data.toString('hex')).toBe('010000000100000000000000');
});

it('sends descriptors with a request', () => {
  const { line, far } = connected();
  const event = eventfd();
  open.add(event);
  line.tell('SET_VRING_KICK', u64(1n), [event]);
  const got = receiveFrom(far, 100);
  expect(got?.data.length).toBe(20);
  expect(got?.fds.length).toBe(1);
  for (const fd of got?.fds ?? []) libc().close(fd);
});

it('asks for an acknowledgement where that is negotiated, and tells of a refusal', () => {
  const { line, far } = connected();
  line.acknowledged = true;
  sendTo(far, reply(SET_OWNER, u64(0n)));
  sendTo(far, reply(SET_OWNER, u64(7n)));
  line.tell('SET_OWNER', NOTHING);
  expect(receiveFrom(far, 12)?.data.readUInt32LE(4)).toBe(1 | 8);
  expect(() => line.tell('SET_OWNER', NOTHING)).toThrow(VhostRefusedError);
});

it('tells of a back-end that closes the connection', () => {
  const { line, far } = connected();
  hangUp(far);
  expect(() => line.askU64('GET_FEATURES')).toThrow(DutGoneError);
  // Whatever comes next says the same.
  expect(() => line.check()).toThrow(DutGoneError);
  expect(line.alive).toBe(false);
});

it('tells of a back-end that closes the connection within a message, and what came of it', () => {
  const { line, far } = connected();
  sendTo(far, reply(GET_FEATURES, u64(1n)).subarray(0, 15));
  hangUp(far);
  expect(() => line.askU64('GET_FEATURES')).toThrow(
    /closed the connection.*after 15 bytes.*010000000500000008/,
  );
});

it.each([
  ['says nothing', Buffer.alloc(0), /does not reply to GET_FEATURES within 60 ms; it sent nothing/],
  ['stops within a header', reply(1, u64(1n)).subarray(0, 5), /it sent 5 bytes of a message: 0100000005/],
  ['stops within a payload', reply(1, u64(1n)).subarray(0, 13), /it sent 13 bytes of a message/],
])('ends the wait for a back-end that %s', (_, bytes, message) => {
  const { line, far } = connected();
  sendTo(far, bytes);
  expect(() => line.askU64('GET_FEATURES')).toThrow(DutStalledError);
  expect(() => line.askU64('GET_FEATURES')).toThrow(message);
});

it.each([
  ['another request', reply(GET_VRING_BASE, u64(1n)), /not to GET_VRING_BASE/],
  ['no reply', reply(GET_FEATURES, u64(1n), 1), /flags of a reply/],
  ['another version', reply(GET_FEATURES, u64(1n), 6), /flags of a reply of version 1, not 0x6/],
  ['too short', reply(GET_FEATURES, u64(1n).subarray(0, 4)), /a reply of 8 bytes; got 01000000/],
  ['too long', reply(GET_FEATURES, new Uint8Array(12)), /a reply of 8 bytes/],
  ['endless', reply(GET_FEATURES, u64(1n), REPLY, 0xffff_ffff), /at most 4096 bytes, not 4294967295/],
  ['noise', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /the back-end's reply to/],
])('names what is wrong with a reply: %s', (_, bytes, message) => {
  const { line, far } = connected();
  sendTo(far, bytes);
  expect(() => line.askU64('GET_FEATURES')).toThrow(
    expect.objectContaining({
      name: 'PortError',
      code: 'PORT_PROTOCOL',
      message: expect.stringMatching(message),
    }),
  );
});

it('takes no acknowledgement of another size', () => {
  const { line, far } = connected();
  line.acknowledged = true;
  sendTo(far, reply(SET_OWNER, new Uint8Array(4)));
  expect(() => line.tell('SET_OWNER', NOTHING)).toThrow(PortError);
});

it('closes descriptors that nobody asked for, and says how many came', () => {
  const { line, far } = connected();
  const event = eventfd();
  open.add(event);
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  sendTo(far, reply(GET_FEATURES, u64(1n)), Array<number>(8).fill(event));
  expect(() => line.askU64('GET_FEATURES')).toThrow(/at most 0 descriptors, not 8/);
  expect(count()).toBe(before);
});

it('hands over the descriptor that a reply may bring, and no more than that', () => {
  const { line, far } = connected();
  const event = eventfd();
  open.add(event);
  sendTo(far, reply(GET_INFLIGHT_FD, new Uint8Array(20)), [event]);
  const { fds } = line.ask('GET_INFLIGHT_FD', new Uint8Array(20), 20, 1);
  expect(fds.length).toBe(1);
  for (const fd of fds) libc().close(fd);
  sendTo(far, reply(GET_INFLIGHT_FD, new Uint8Array(20)), [event, event]);
  expect(() => line.ask('GET_INFLIGHT_FD', new Uint8Array(20), 20, 1)).toThrow(
    /at most 1 descriptors, not 2/,
  );
});

it('does not take what comes unasked for a reply', () => {
  const { line, far } = connected();
  line.check();
  sendTo(far, reply(GET_FEATURES, u64(1n)));
  expect(() => line.check()).toThrow(/expected silence/);
});
