import { describe, expect, test } from 'vitest';
import { Bench } from '../bench.js';
import { inquiry, type PackedQueue, startPacked } from '../packed-queue.js';

const NOTIFICATION_DATA = 1n << 38n;
const NOTIF_CONFIG_DATA = 1n << 39n;
const INQUIRY = '12 00 00 00 24 00';

/** Publishes one INQUIRY on queue 2 and leaves the kick to the test. */
const publish = (bench: Bench) => bench.send(2, [Bench.request(INQUIRY)], [144], { kick: false });

function kickAddress(bench: Bench, queue: number): number {
  bench.common(22, 2, queue);
  return bench.common(30, 2) * bench.multiplier;
}

describe('which queue a kick names', () => {
  test('its own number, where the device supplies one', () => {
    const bench = new Bench().start(NOTIF_CONFIG_DATA);
    const sent = publish(bench);
    const address = kickAddress(bench, 2);
    const own = bench.common(56, 2);
    expect(own).not.toBe(2);
    bench.reg(2, address, 2, 2);
    expect(sent.used()).toBeUndefined();
    bench.reg(2, address, 2, own);
    expect(sent.used()).toBe(144);
  });

  test('the register reads 0 without the feature', () => {
    const bench = new Bench().start();
    bench.common(22, 2, 2);
    expect(bench.common(56, 2)).toBe(0);
  });

  test.each([
    ['index', NOTIFICATION_DATA],
    ['own number', NOTIFICATION_DATA | NOTIF_CONFIG_DATA],
  ])('by its %s beside the position, in 32 bits', (_name, features) => {
    const bench = new Bench().start(features);
    const sent = publish(bench);
    const address = kickAddress(bench, 2);
    const id = features & NOTIF_CONFIG_DATA ? bench.common(56, 2) : 2;
    bench.reg(2, address, 2, id);
    expect(sent.used()).toBeUndefined();
    bench.reg(2, address, 4, (1 << 16) | id);
    expect([sent.used(), bench.status]).toEqual([144, 0x0f]);
  });
});

describe('the position of the driver', () => {
  test('split: the available index; a wrong one is a mistake', () => {
    const bench = new Bench().start(NOTIFICATION_DATA);
    publish(bench);
    const address = kickAddress(bench, 2);
    bench.reg(2, address, 4, (2 << 16) | 2);
    expect(bench.status).toBe(0x4f);
  });

  test('packed: offset and wrap counter; repeated kicks say the same', () => {
    const bench = new Bench();
    const queue = startPacked(bench, 3, NOTIFICATION_DATA)[2] as PackedQueue;
    const address = kickAddress(bench, 2);
    const values = [0x8002, 0x0001, 0x8000, 0x8002];
    for (const [round, position] of values.entries()) {
      queue.publish(round, inquiry(bench));
      for (let time = 0; time < 3; time++) bench.reg(2, address, 4, position * 0x10000 + 2);
      expect(queue.take()?.id).toBe(round);
    }
    expect(bench.status).toBe(0x0f);
    queue.publish(9, inquiry(bench));
    bench.reg(2, address, 4, (0x0002 << 16) | 2);
    expect(bench.status).toBe(0x4f);
  });
});
