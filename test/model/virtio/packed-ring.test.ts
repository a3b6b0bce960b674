import { describe, expect, test } from 'vitest';
import { Bench } from '../bench.js';
import { INDIRECT, inquiry, type PackedQueue, RING_PACKED, startPacked } from '../packed-queue.js';

const EVENT_IDX = 1n << 29n;
const INDIRECT_DESC = 1n << 28n;
const NEXT = 1;
const WRITE = 2;

function requestQueue(queues: PackedQueue[]): PackedQueue {
  return queues[2] as PackedQueue;
}

function start(size: number, features = 0n): { bench: Bench; queue: PackedQueue } {
  const bench = new Bench();
  return { bench, queue: requestQueue(startPacked(bench, size, features)) };
}

describe('descriptors and wrap counters', () => {
  test('a list is returned by one descriptor at the place of its first, with the id of its last', () => {
    const { bench, queue } = start(8);
    queue.publish(0x1234, inquiry(bench, 3));
    bench.kick(2);
    expect(queue.at(0)).toEqual({ id: 0x1234, len: 144, flags: 0x8082 });
    // What follows is skipped, not written.
    expect(queue.at(1).flags).toBe(0x0083);
    expect(queue.take()?.id).toBe(0x1234);
    expect(queue.seen).toBe(4);
  });

  test.each([[2], [3], [5], [7], [8], [255]])('laps of a ring of %i', (size) => {
    const { bench, queue } = start(size);
    const elements = inquiry(bench);
    for (let round = 0; round < 3 * size + 2; round++) {
      queue.publish(round & 0x7fff, elements);
      bench.kick(2);
      expect(queue.take()).toMatchObject({ id: round & 0x7fff, len: 144 });
    }
    expect(bench.status).toBe(0x0f);
  });

  test('a size that is no power of two is taken only for packed rings', () => {
    const bench = new Bench();
    bench.negotiate(1n << 32n);
    bench.common(22, 2, 2);
    bench.common(24, 2, 7);
    expect(bench.common(24, 2)).toBe(256);
    bench.negotiate((1n << 32n) | RING_PACKED);
    bench.common(22, 2, 2);
    bench.common(24, 2, 7);
    expect(bench.common(24, 2)).toBe(7);
    bench.common(24, 2, 0);
    expect(bench.common(24, 2)).toBe(7);
  });

  test('a full ring of buffers is served by one kick', () => {
    const { bench, queue } = start(6);
    for (const id of [10, 11, 12]) queue.publish(id, inquiry(bench));
    bench.kick(2);
    expect([queue.take()?.id, queue.take()?.id, queue.take()?.id]).toEqual([10, 11, 12]);
    expect(queue.take()).toBeUndefined();
  });

  test('nothing is taken before the first descriptor is available', () => {
    const { bench, queue } = start(8);
    queue.publish(1, inquiry(bench));
    const { flags } = queue.at(0);
    queue.desc.bytes[14] = 0;
    queue.desc.bytes[15] = 0;
    bench.kick(2);
    expect(queue.take()).toBeUndefined();
    queue.desc.bytes[14] = flags & 0xff;
    queue.desc.bytes[15] = flags >> 8;
    bench.kick(2);
    expect(queue.take()?.len).toBe(144);
  });
});

describe('indirect tables', () => {
  test('entries follow each other whatever their other fields say', () => {
    const { bench, queue } = start(5, INDIRECT_DESC);
    queue.publishTable(9, inquiry(bench, 4));
    bench.kick(2);
    expect(queue.take()).toEqual({ id: 9, len: 144, flags: 0x8082 });
  });
});

describe('event suppression by the driver', () => {
  const isr = (bench: Bench) => bench.reg(3, 0, 1);

  test.each([
    ['ENABLE', 0n, 0, 0, 1],
    ['DISABLE', 0n, 1, 0, 0],
    ['DESC without the feature is taken for ENABLE', 0n, 2, 9, 1],
    ['the reserved value is taken for ENABLE', EVENT_IDX, 3, 9, 1],
    ['ENABLE with event index', EVENT_IDX, 0, 9, 1],
    ['DISABLE with event index', EVENT_IDX, 1, 0, 0],
    ['DESC at the used descriptor', EVENT_IDX, 2, 0, 1],
    ['DESC within the list', EVENT_IDX, 2, 1, 1],
    ['DESC behind the list', EVENT_IDX, 2, 2, 0],
    ['DESC one lap later', EVENT_IDX, 2, 8, 0],
  ])('%s', (_name, features, flags, position, expected) => {
    const { bench, queue } = start(8, features);
    queue.wish(flags, position);
    queue.publish(1, inquiry(bench));
    bench.kick(2);
    expect(queue.take()).toBeDefined();
    expect(isr(bench)).toBe(expected);
  });

  test('DESC across the end of the ring', () => {
    const { bench, queue } = start(3, EVENT_IDX);
    const seen: number[] = [];
    // Lists of two cover the positions 0-1, 2-3, 4-5, 6-7; asked for is position 5 (place 2 of the second lap).
    queue.wish(2, 5);
    for (let id = 0; id < 4; id++) {
      queue.publish(id, inquiry(bench));
      bench.kick(2);
      queue.take();
      seen.push(isr(bench));
    }
    expect(seen).toEqual([0, 0, 1, 0]);
  });
});

describe('event suppression by the device', () => {
  test('without event index kicks are enabled', () => {
    const { bench, queue } = start(8);
    queue.publish(1, inquiry(bench));
    bench.kick(2);
    expect(queue.wanted).toBe('00 00 00 00');
  });

  test('with event index it asks for the next descriptor', () => {
    const { bench, queue } = start(3, EVENT_IDX);
    queue.publish(1, inquiry(bench));
    bench.kick(2);
    expect(queue.wanted).toBe('02 80 02 00');
    queue.take();
    queue.publish(1, inquiry(bench));
    bench.kick(2);
    expect(queue.wanted).toBe('01 00 02 00');
  });
});

describe('a hostile driver', () => {
  const lone =
    (len: number, flags: number) =>
    ({ bench, queue }: { bench: Bench; queue: PackedQueue }) =>
      queue.write(0, bench.alloc(len, 16).iova, len, 0, flags | queue.available(0));

  test.each<[string, bigint, (at: { bench: Bench; queue: PackedQueue }) => void]>([
    [
      'a list that goes round the ring',
      0n,
      ({ bench, queue }) => {
        const { iova } = bench.alloc(16);
        for (let at = 0; at < 4; at++) queue.write(at, iova, 16, 0, NEXT | queue.available(at));
      },
    ],
    [
      'the rest of a list not available',
      0n,
      ({ bench, queue }) => queue.write(0, bench.alloc(51).iova, 51, 0, NEXT | queue.available(0)),
    ],
    ['INDIRECT without the feature', 0n, lone(64, INDIRECT)],
    ['an indirect table of an odd size', INDIRECT_DESC, lone(24, INDIRECT)],
    ['an empty indirect table', INDIRECT_DESC, lone(0, INDIRECT)],
    ['an indirect table longer than the ring', INDIRECT_DESC, lone(16 * 5, INDIRECT)],
    [
      'INDIRECT in a list',
      INDIRECT_DESC,
      ({ bench, queue }) => {
        queue.write(1, bench.alloc(32, 16).iova, 32, 0, INDIRECT | queue.available(1));
        queue.write(0, bench.alloc(51).iova, 51, 0, NEXT | queue.available(0));
      },
    ],
    [
      'readable after writable',
      0n,
      ({ bench, queue }) => {
        queue.write(1, bench.alloc(51).iova, 51, 0, queue.available(1));
        queue.write(0, bench.alloc(144).iova, 144, 0, NEXT | WRITE | queue.available(0));
      },
    ],
    ['no memory', 0n, ({ queue }) => queue.write(0, 0x10n, 64, 0, queue.available(0))],
  ])('%s', (_name, features, attack) => {
    const { bench, queue } = start(4, features);
    attack({ bench, queue });
    bench.kick(2);
    expect(bench.status).toBe(0x4f);
    expect(queue.at(0).flags & 0x8080).not.toBe(0x8080);
    expect(requestQueue(startPacked(bench, 4)).take()).toBeUndefined();
  });

  test('descriptors of buffers that the device still has are made available again', () => {
    const bench = new Bench({ config: { units: [{ ...Bench.disk, delay: 10 }] } });
    const queue = requestQueue(startPacked(bench, 2));
    const elements = inquiry(bench);
    queue.publish(1, elements);
    bench.kick(2);
    queue.publish(2, elements);
    bench.kick(2);
    expect(bench.status).toBe(0x4f);
  });

  test.each([
    ['descriptor ring', 32, 8],
    ['driver area', 40, 2],
    ['device area', 48, 2],
  ])('misaligned %s', (_name, register, by) => {
    const bench = new Bench();
    bench.negotiate((1n << 32n) | RING_PACKED);
    bench.common(22, 2, 2);
    bench.common(24, 2, 4);
    bench.common(register, 4, by);
    bench.common(28, 2, 1);
    bench.common(20, 1, 0x0f);
    bench.kick(2);
    expect(bench.status).toBe(0x4f);
  });
});
