/** Sockets that carry descriptors. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { eventfd, signal, takeSignals } from '../../src/sys/events.js';
import { libc } from '../../src/sys/libc.js';
import {
  acceptUnix,
  connectUnix,
  listenUnix,
  receiveFrom,
  sendTo,
  unixPair,
} from '../../src/sys/unix-socket.js';

const open: number[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function opened(fd: number): number {
  open.push(fd);
  return fd;
}

function pair(): [number, number] {
  const [one, other] = unixPair();
  return [opened(one), opened(other)];
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-socket-'));
  folders.push(folder);
  return join(folder, 's');
}

it('connects by a name', () => {
  const path = socketPath();
  const listener = opened(listenUnix(path));
  const near = opened(connectUnix(path));
  const far = opened(acceptUnix(listener));
  sendTo(near, Buffer.from('hello'));
  expect(receiveFrom(far, 100)?.data.toString()).toBe('hello');
  expect(receiveFrom(far, 100)).toBeUndefined();
});

it('passes descriptors with the bytes', () => {
  const [near, far] = pair();
  const [event, memory] = [opened(eventfd()), opened(libc().memfd('passed', 4096))];
  sendTo(near, Buffer.from([1, 2, 3]), [event, memory]);
  const got = receiveFrom(far, 100);
  expect([...(got?.data ?? [])]).toEqual([1, 2, 3]);
  expect(got?.fds).toHaveLength(2);
  const [theirEvent = -1, theirMemory = -1] = got?.fds.map(opened) ?? [];
  signal(theirEvent);
  expect(takeSignals(event)).toBe(1);
  const here = libc().mapShared(memory, 0, 4096).bytes;
  libc().mapShared(theirMemory, 0, 4096).bytes[7] = 9;
  expect(here[7]).toBe(9);
});

it('takes as many descriptors as anybody can send', () => {
  const [near, far] = pair();
  const event = opened(eventfd());
  sendTo(near, Buffer.of(0), Array<number>(253).fill(event));
  const got = receiveFrom(far, 1);
  for (const fd of got?.fds ?? []) closeSync(fd);
  expect(got?.fds).toHaveLength(253);
});

it('sends what does not fit at once', () => {
  const [near, far] = pair();
  sendTo(near, Buffer.alloc(100_000, 7));
  let got = 0;
  for (let part = receiveFrom(far, 4096); part !== undefined; part = receiveFrom(far, 4096))
    got += part.data.length;
  expect(got).toBe(100_000);
});

it('does not wait for ever for an end that takes nothing, if it was told so', () => {
  const [one, other] = pair();
  sendTo(one, Buffer.from('short'), [], performance.now() + 20);
  expect(() => sendTo(one, Buffer.alloc(2 ** 24), [], performance.now() + 20)).toThrow(
    expect.objectContaining({ code: 'EAGAIN' }),
  );
  expect(receiveFrom(other, 5)?.data.toString()).toBe('short');
});

/** Says that it is there, and takes a little at a time until the end: minutes for what the test sends. */
const DRAINER = `
  const { readSync, writeSync } = require('node:fs');
  const piece = Buffer.alloc(4096);
  for (let first = true; readSync(0, piece) > 0; first = false) {
    if (first) writeSync(1, 'here');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }`;

it('does not wait longer for an end that takes a little now and then', async () => {
  const [near, far] = pair();
  const drainer = spawn(process.execPath, ['-e', DRAINER], { stdio: [far, 'pipe', 'inherit'] });
  const ended = once(drainer, 'close');
  try {
    sendTo(near, Buffer.of(1));
    await once(drainer.stdout as NonNullable<typeof drainer.stdout>, 'data');
    expect(() => sendTo(near, Buffer.alloc(2 ** 26), [], performance.now() + 400)).toThrow(
      expect.objectContaining({ code: 'EAGAIN' }),
    );
  } finally {
    drainer.kill();
    await ended;
  }
});

it('sees that the other end was closed', () => {
  const [near, far] = unixPair();
  opened(near);
  closeSync(far);
  expect(receiveFrom(near, 10)?.data).toHaveLength(0);
  expect(() => sendTo(near, Buffer.of(1))).toThrow(expect.objectContaining({ code: 'EPIPE' }));
});

it('names the errno of what failed', () => {
  const path = socketPath();
  expect(() => connectUnix(path)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  opened(listenUnix(path));
  expect(() => listenUnix(path)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  expect(() => connectUnix(`/${'x'.repeat(200)}`)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
});
