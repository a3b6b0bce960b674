import { describe, expect, test } from 'vitest';
import { diskConfig } from '../../../src/model/model-config.js';
import { Bench, type Sent } from '../bench.js';
import { inquiry, type PackedQueue, startPacked } from '../packed-queue.js';

const IN_ORDER = 1n << 35n;
const EVENT_IDX = 1n << 29n;
const INQUIRY = '12 00 00 00 24 00';
/** Unit 0 takes its time, unit 1 answers at once. */
const SLOW = '01 00 00 00 00 00 00 00';
const FAST = '01 00 40 01 00 00 00 00';

function bench(): Bench {
  return new Bench({
    config: { units: [diskConfig(0, 0, 'SLOW', { delay: 10 }), diskConfig(0, 1, 'FAST')] },
  });
}

function send(at: Bench, lun: string, room = 36): Sent {
  return at.send(2, [Bench.request(INQUIRY, { lun })], [108 + room]);
}

describe('split', () => {
  test('without the feature buffers come back as they are done', () => {
    const at = bench().start();
    const slow = send(at, SLOW);
    const fast = send(at, FAST);
    expect([slow.used(), fast.used()]).toEqual([undefined, 144]);
  });

  test('those that waited come back by one element, in the place of the first', () => {
    const at = bench().start(IN_ORDER);
    send(at, SLOW);
    const fast = send(at, FAST);
    expect(at.queue(2).usedIdx).toBe(0);
    at.model.clock.drain();
    const view = at.queue(2).usedView;
    expect([at.queue(2).usedIdx, view.getUint32(4, true), view.getUint32(8, true)]).toEqual([
      2,
      fast.head,
      144,
    ]);
    // The next element is placed behind the whole batch.
    const next = send(at, FAST);
    expect([at.queue(2).usedIdx, view.getUint32(4 + 16, true)]).toEqual([3, next.head]);
  });

  test('a buffer that was not filled to its end has an element of its own', () => {
    const at = bench().start(IN_ORDER);
    const slow = send(at, SLOW, 100);
    const fast = send(at, FAST);
    at.model.clock.drain();
    expect([slow.used(), fast.used(), at.queue(2).usedIdx]).toEqual([144, 144, 2]);
  });

  test('used_event within a batch is a reason to notify', () => {
    const at = bench().start(IN_ORDER | EVENT_IDX);
    const { availView, size } = at.queue(2);
    availView.setUint16(4 + 2 * size, 1, true);
    for (const lun of [SLOW, FAST, FAST]) send(at, lun);
    expect(at.reg(3, 0, 1)).toBe(0);
    at.model.clock.drain();
    expect([at.queue(2).usedIdx, at.reg(3, 0, 1)]).toEqual([3, 1]);
  });
});

describe('packed', () => {
  function publish(at: Bench, queue: PackedQueue, id: number, lun: string): void {
    queue.publish(id, inquiry(at, 2, lun));
    at.kick(2);
  }

  test('a batch is one used descriptor with the id of its last buffer', () => {
    const at = bench();
    const queue = startPacked(at, 10, IN_ORDER)[2] as PackedQueue;
    publish(at, queue, 7, SLOW);
    publish(at, queue, 8, FAST);
    publish(at, queue, 9, FAST);
    at.model.clock.drain();
    expect(queue.at(0)).toEqual({ id: 9, len: 144, flags: 0x8082 });
    expect(queue.at(3).flags & 0x8080).toBe(0x0080);
    // Ring of 10, three lists of 3: the next buffer begins at 9 and wraps.
    queue.next = 9;
    publish(at, queue, 10, FAST);
    expect(queue.at(9)).toEqual({ id: 10, len: 144, flags: 0x8082 });
    publish(at, queue, 11, FAST);
    expect(queue.at(12)).toEqual({ id: 11, len: 144, flags: 0x0002 });
  });
});
