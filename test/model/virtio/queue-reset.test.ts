import { expect, test } from 'vitest';
import { Bench } from '../bench.js';
import { inquiry, PackedQueue, startPacked } from '../packed-queue.js';

const RING_RESET = 1n << 40n;
const INQUIRY = '12 00 00 00 24 00';
const SLOW = { config: { units: [{ ...Bench.disk, delay: 10 }] } };

function reset(bench: Bench, queue: number): void {
  bench.common(22, 2, queue);
  bench.common(58, 2, 1);
}

test('a reset queue is as new, its vector included, and the others go on', () => {
  const bench = new Bench().start(RING_RESET);
  bench.command(INQUIRY, { dataIn: 36 });
  reset(bench, 2);
  expect([58, 28, 24, 26, 32, 36].map((offset) => bench.common(offset, 2))).toEqual([
    0, 0, 256, 0xffff, 0, 0,
  ]);
  expect(bench.command(INQUIRY, { dataIn: 36, queue: 3 }).response).toBe(0);
  bench.setUpQueue(2, 8);
  expect(bench.command(INQUIRY, { dataIn: 36 }).response).toBe(0);
  expect([bench.queue(2).usedIdx, bench.common(58, 2)]).toEqual([1, 0]);
});

test('requests of the queue are forgotten', () => {
  const bench = new Bench(SLOW).start(RING_RESET);
  const lost = bench.send(2, [Bench.request(INQUIRY)], [144]);
  const kept = bench.send(3, [Bench.request(INQUIRY)], [144]);
  reset(bench, 2);
  bench.model.clock.drain();
  expect([lost.used(), kept.used(), bench.reg(3, 0, 1)]).toEqual([undefined, 144, 1]);
  expect(lost.in().every((byte) => byte === 0xa5)).toBe(true);
});

test('a kick that waited for memory access does not outlive the reset', () => {
  const bench = new Bench().start(RING_RESET);
  bench.cfg(0x04, 2, 0x0002);
  bench.send(2, [Bench.request(INQUIRY)], [144]);
  reset(bench, 2);
  bench.setUpQueue(2, 16);
  const later = bench.send(2, [Bench.request(INQUIRY)], [144], { kick: false });
  bench.cfg(0x04, 2, 0x0006);
  expect(later.used()).toBeUndefined();
});

test('without the feature the register does nothing', () => {
  const bench = new Bench().start();
  reset(bench, 2);
  expect(bench.common(28, 2)).toBe(1);
});

test('the wrap counter of a packed ring starts over', () => {
  const bench = new Bench();
  const old = startPacked(bench, 3, RING_RESET)[2] as PackedQueue;
  for (const id of [1, 2]) {
    old.publish(id, inquiry(bench));
    bench.kick(2);
    old.take();
  }
  reset(bench, 2);
  const fresh = new PackedQueue(bench, 2, 5);
  fresh.publish(4, inquiry(bench));
  bench.kick(2);
  expect(fresh.take()).toEqual({ id: 4, len: 144, flags: 0x8082 });
});
