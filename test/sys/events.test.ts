/** Event descriptors and polling. */
import { closeSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { eventfd, PollSet, signal, takeSignals } from '../../src/sys/events.js';
import { unixPair } from '../../src/sys/unix-socket.js';

const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function opened(fd: number): number {
  open.push(fd);
  return fd;
}

it('counts signals until they are taken', () => {
  const fd = opened(eventfd());
  expect(takeSignals(fd)).toBe(0);
  signal(fd);
  signal(fd);
  expect(takeSignals(fd)).toBe(2);
  expect(takeSignals(fd)).toBe(0);
});

it('waits for the descriptor that can be read, and says which', () => {
  const fds = [opened(eventfd()), opened(eventfd())] as const;
  const set = new PollSet(fds);
  expect(set.wait(0)).toBe(false);
  signal(fds[1]);
  expect(set.wait(1000)).toBe(true);
  expect([set.readable(0), set.readable(1)]).toEqual([false, true]);
});

it('waits no longer than it is told', () => {
  const set = new PollSet([opened(eventfd())]);
  const start = performance.now();
  expect(set.wait(30)).toBe(false);
  expect(performance.now() - start).toBeGreaterThanOrEqual(29);
});

it('sees that the other end was closed', () => {
  const [near, far] = unixPair();
  const set = new PollSet([opened(near)]);
  expect(set.wait(0)).toBe(false);
  closeSync(far);
  expect(set.wait(1000)).toBe(true);
  expect(set.hungUp(0)).toBe(true);
});

it('names the errno of what failed', () => {
  expect(() => signal(-1)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
