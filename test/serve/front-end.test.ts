/** What a hostile front-end sends must leave the back-end alive, its memory bounded and no descriptor open. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { Model } from '../../src/model/model.js';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { FrontEnd } from '../../src/serve/front-end.js';
import { GuestMemoryTable } from '../../src/serve/guest-memory.js';
import { eventfd, signal, takeSignals } from '../../src/sys/events.js';
import { libc } from '../../src/sys/libc.js';
import { receiveFrom, sendTo, unixPair } from '../../src/sys/unix-socket.js';
import {
  VhostUserRequest,
  type VhostUserRequestName,
  vhostUserConfig,
  vhostUserHeader,
  vhostUserMemory,
  vhostUserMemoryRegion,
  vhostUserU64,
  vhostVringAddr,
  vhostVringState,
} from '../../src/wire/vhost-user.js';

const NEED_REPLY = 1 | 8;
const PAGE = 4096;
const open: number[] = [];
const frontEnds: FrontEnd[] = [];
afterEach(() => {
  for (const one of frontEnds.splice(0)) one.close();
  for (const fd of open.splice(0)) libc().close(fd);
});

function opened(fd: number): number {
  open.push(fd);
  return fd;
}

const u64 = (value: bigint) => vhostUserU64.encode({ value });
const state = (index: number, num: number) => vhostVringState.encode({ index, num });

/** A back-end with which REPLY_ACK is negotiated, and the front-end's end of the line. */
function connected() {
  const [near, far] = unixPair();
  opened(far);
  const log: string[] = [];
  const model = new Model({ ...DEFAULT_MODEL_CONFIG, bus: 'vhost', regions: [] }, 1);
  const backEnd = new FrontEnd(near, model, new GuestMemoryTable(), (line) => log.push(line));
  frontEnds.push(backEnd);
  const send = (
    name: VhostUserRequestName | number,
    payload: Uint8Array,
    fds: number[] = [],
    size?: number,
  ) => {
    const request = typeof name === 'number' ? name : VhostUserRequest[name];
    const header = vhostUserHeader.encode({ request, flags: NEED_REPLY, size: size ?? payload.length });
    sendTo(far, Buffer.concat([header, payload]), fds);
    return backEnd.serve(0);
  };
  /** The payload of the reply to a request, as a number. */
  const ask = (name: VhostUserRequestName | number, payload: Uint8Array, fds: number[] = []) => {
    expect(send(name, payload, fds)).toBe('busy');
    const reply = receiveFrom(far, 300)?.data;
    return reply === undefined || reply.length < 20 ? undefined : reply.readBigUInt64LE(12);
  };
  ask('GET_FEATURES', new Uint8Array(0));
  send('SET_PROTOCOL_FEATURES', u64(1n << 3n));
  receiveFrom(far, 300);
  return { backEnd, model, send, ask, far, log };
}

function table(...regions: { guest: bigint; size: bigint; user: bigint; offset: bigint }[]): Uint8Array {
  return Buffer.concat([
    vhostUserMemory.encode({ count: regions.length }),
    ...regions.map((region) => vhostUserMemoryRegion.encode(region)),
  ]);
}

const REGION = { guest: 0x10000n, size: BigInt(4 * PAGE), user: 0x7000_0000n, offset: 0n };

it('carries out what is right, and says so', () => {
  const { ask } = connected();
  const memory = opened(libc().memfd('guest', 4 * PAGE));
  expect(ask('SET_OWNER', new Uint8Array(0))).toBe(0n);
  expect(ask('SET_FEATURES', u64(1n << 32n))).toBe(0n);
  expect(ask('SET_MEM_TABLE', table(REGION), [memory])).toBe(0n);
  expect(ask('GET_QUEUE_NUM', new Uint8Array(0))).toBe(4n);
});

it.each([
  ['memory beyond the end of its file', table({ ...REGION, size: BigInt(5 * PAGE) })],
  ['memory of no bytes', table({ ...REGION, size: 0n })],
  ['memory of an absurd size', table({ ...REGION, size: 2n ** 63n })],
  ['memory at an offset that overflows', table({ ...REGION, offset: 2n ** 64n - 1n })],
  ['more regions than descriptors', table(REGION, REGION)],
  ['more regions than can be', vhostUserMemory.encode({ count: 0xffff_ffff })],
  ['a table that is cut', table(REGION).subarray(0, 20)],
  ['no table', new Uint8Array(0)],
])('leaves a front-end that sends %s', (_, payload) => {
  const { send, log } = connected();
  const memory = opened(libc().memfd('guest', 4 * PAGE));
  expect(send('SET_MEM_TABLE', payload, [memory])).toBe('gone');
  expect(log.length).toBe(1);
});

it('refuses regions that overlap', () => {
  const { ask } = connected();
  const memory = opened(libc().memfd('guest', 4 * PAGE));
  expect(ask('SET_MEM_TABLE', table(REGION, { ...REGION, user: 0n }), [memory, memory])).toBe(1n);
});

it.each([
  ['a payload without end', 'GET_FEATURES', new Uint8Array(0), 0xffff_ffff],
  ['a queue that there is not', 'SET_VRING_NUM', state(4, 8), undefined],
  ['a queue far beyond', 'SET_VRING_ENABLE', state(0xffff_ffff, 1), undefined],
  ['half a payload', 'SET_VRING_ADDR', new Uint8Array(8), undefined],
  ['an event for a queue that there is not', 'SET_VRING_CALL', u64(0xffn), undefined],
  ['no configuration head', 'GET_CONFIG', new Uint8Array(4), undefined],
] as const)('leaves a front-end that sends %s', (_, name, payload, size) => {
  const { send } = connected();
  expect(send(name, payload, [], size)).toBe('gone');
});

it('answers an access beyond the configuration by an error', () => {
  const { ask, far, send } = connected();
  const head = vhostUserConfig.encode({ offset: 0xffff_fff0, size: 8, flags: 0 });
  expect(send('GET_CONFIG', Buffer.concat([head, new Uint8Array(8)]))).toBe('busy');
  expect(receiveFrom(far, 300)?.data.readUInt32LE(8)).toBe(0);
  const write = vhostUserConfig.encode({ offset: 30, size: 100, flags: 0 });
  expect(ask('SET_CONFIG', Buffer.concat([write, new Uint8Array(100)]))).toBe(1n);
});

it('refuses a request that it does not know', () => {
  expect(connected().ask(200, new Uint8Array(0))).toBe(1n);
});

it('closes descriptors with which it has nothing to do', () => {
  const { send } = connected();
  const event = opened(eventfd());
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  expect(send('GET_FEATURES', new Uint8Array(0), [event, event])).toBe('gone');
  expect(count()).toBe(before);
});

it('closes what it was given when the front-end goes', () => {
  const count = () => readdirSync('/proc/self/fd').length;
  const before = count();
  const { ask, backEnd, far } = connected();
  const event = eventfd();
  for (let round = 0; round < 3; round++)
    for (const name of ['SET_VRING_KICK', 'SET_VRING_CALL', 'SET_VRING_ERR'] as const)
      expect(ask(name, u64(1n), [event])).toBe(0n);
  libc().close(event);
  libc().close(far);
  open.splice(open.indexOf(far), 1);
  expect(backEnd.serve(0)).toBe('gone');
  frontEnds.pop()?.close();
  expect(count()).toBe(before);
});

it('reports rings that are nowhere by their error event, and lives on', () => {
  const { ask, backEnd } = connected();
  const [kick, err] = [opened(eventfd()), opened(eventfd())] as const;
  expect(ask('SET_FEATURES', u64((1n << 32n) | (1n << 30n)))).toBe(0n);
  ask('SET_VRING_NUM', state(2, 16));
  const addresses = { index: 2, desc: 0xdead_0000n, used: 0n, avail: 2n ** 64n - 16n };
  ask('SET_VRING_ADDR', vhostVringAddr.encode(addresses));
  ask('SET_VRING_ERR', u64(2n), [err]);
  ask('SET_VRING_KICK', u64(2n), [kick]);
  ask('SET_VRING_ENABLE', state(2, 1));
  signal(kick);
  expect(backEnd.serve(0)).toBe('busy');
  expect(takeSignals(err)).toBeGreaterThan(0);
  expect(ask('GET_QUEUE_NUM', new Uint8Array(0))).toBe(4n);
});

it('tells of a ring of a size that cannot be, and acknowledges the message', () => {
  const { ask } = connected();
  const err = opened(eventfd());
  ask('SET_FEATURES', u64((1n << 32n) | (1n << 30n)));
  ask('SET_VRING_NUM', state(0, 0xffff_fff0));
  ask('SET_VRING_ADDR', vhostVringAddr.encode({ index: 0, desc: 0n, used: 0n, avail: 0n }));
  ask('SET_VRING_ERR', u64(0n), [err]);
  ask('SET_VRING_KICK', u64(0n), [opened(eventfd())]);
  expect(ask('SET_VRING_ENABLE', state(0, 1))).toBe(0n);
  expect(takeSignals(err)).toBe(1);
});

it('announces again what it has announced when the front-end says where only after the ring began', () => {
  const { ask, backEnd, model, far } = connected();
  const memory = opened(libc().memfd('guest', 4 * PAGE));
  const [kick, early, late] = [opened(eventfd()), opened(eventfd()), opened(eventfd())] as const;
  ask('SET_FEATURES', u64((1n << 32n) | (1n << 30n)));
  ask('SET_MEM_TABLE', table(REGION), [memory]);
  ask('SET_VRING_NUM', state(2, 16));
  const ring = { index: 2, desc: REGION.user, used: REGION.user + 2048n, avail: REGION.user + 1024n };
  ask('SET_VRING_ADDR', vhostVringAddr.encode(ring));
  ask('SET_VRING_CALL', u64(2n), [early]);
  ask('SET_VRING_KICK', u64(2n), [kick]);
  expect(ask('SET_VRING_ENABLE', state(2, 1))).toBe(0n);
  model.vhost.listener.used(2);
  const payload = u64(2n);
  const header = vhostUserHeader.encode({
    request: VhostUserRequest.SET_VRING_CALL,
    flags: 1,
    size: payload.length,
  });
  sendTo(far, Buffer.concat([header, payload]), [late]);
  expect(backEnd.serve(0)).toBe('busy');
  expect([takeSignals(early), takeSignals(late)]).toEqual([1, 1]);
  model.vhost.listener.used(2);
  expect(ask('SET_VRING_CALL', u64(2n), [early])).toBe(0n);
  expect([takeSignals(early), takeSignals(late)]).toEqual([0, 1]);
});
