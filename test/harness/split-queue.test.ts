/** The driver's split ring: batches of a device that uses buffers in order, and when an interrupt is owed. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Poison } from '../../src/harness/poison.js';
import type { Chain } from '../../src/harness/ring.js';
import { SplitQueue } from '../../src/harness/split-queue.js';
import { FakeMemory } from './fake-device.js';

const SIZE = 8;
let memory: FakeMemory;
let queue: SplitQueue;

beforeEach(() => {
  memory = new FakeMemory();
});

const chainOf = (length: number) => Array(length).fill({ iova: 0x1000n, length: 16, writable: false });

function publish(...lengths: number[]): Chain[] {
  const chains = lengths.map((length) => queue.stage(chainOf(length), undefined));
  queue.publish(chains);
  return chains;
}

/** Writes an entry at `index` of the used ring and sets used idx. */
function use(index: number, id: number, len: number, idx: number): void {
  const used = memory.at(queue.areas.device.iova);
  memory.view.setUint32(used + 4 + 8 * (index % SIZE), id, true);
  memory.view.setUint32(used + 8 + 8 * (index % SIZE), len, true);
  memory.view.setUint16(used + 2, idx & 0xffff, true);
}

const usedEvent = () => memory.view.getUint16(memory.at(queue.areas.driver.iova) + 4 + 2 * SIZE, true);

describe('with VIRTIO_F_IN_ORDER', () => {
  beforeEach(() => {
    queue = new SplitQueue(memory, new Poison(3), SIZE, { inOrder: true });
  });

  test('descriptors follow each other round the table in the order of publication', () => {
    for (let round = 0, at = 0; round < 9; round++) {
      const [a, b] = [queue.stage(chainOf(2), undefined), queue.stage(chainOf(3), undefined)];
      queue.publish([b, a]);
      const slots = [...b.slots, ...a.slots];
      expect(slots).toEqual(Array.from({ length: 5 }, (_, i) => (at + i) % SIZE));
      expect(queue.nextSlot).toBe((at + 5) % SIZE);
      const view = queue.areas.desc.view;
      for (const [i, slot] of b.slots.entries())
        expect(view[16 * slot + 14]).toBe(i < 2 ? (slot + 1) % SIZE : 0);
      use(2 * round, b.id, 0, 2 * round + 1);
      use(2 * round + 1, a.id, 0, 2 * round + 2);
      expect(queue.poll().entries).toHaveLength(2);
      at = (at + 5) % SIZE;
    }
    expect(() => queue.stage(chainOf(9), undefined)).toThrow(/8 of 8 are free/);
  });

  test('one entry returns a batch, and the next entry comes behind all of it', () => {
    const [first, second, third] = publish(1, 2, 1) as [Chain, Chain, Chain];
    use(0, second.id, 44, 2);
    const batch = queue.poll();
    expect(batch.implausible).toBeUndefined();
    expect(batch.entries).toEqual([
      { index: 0, slot: 0, id: second.id, len: undefined, chain: first },
      { index: 0, slot: 0, id: second.id, len: 44, chain: second },
    ]);
    use(2, third.id, 5, 3);
    expect(queue.poll().entries).toEqual([{ index: 2, slot: 2, id: third.id, len: 5, chain: third }]);
    expect(queue.outstanding).toBe(0);
  });

  test('an entry out of order is no batch when used idx did not move as far', () => {
    const [first, second] = publish(1, 1) as [Chain, Chain];
    use(0, second.id, 0, 1);
    const { entries, implausible } = queue.poll();
    expect(entries.map(({ chain }) => chain)).toEqual([second]);
    expect(implausible?.expected).toMatch(/used idx 2 further/);
    use(1, first.id, 0, 2);
    expect(queue.poll().entries.map(({ chain }) => chain)).toEqual([first]);
  });
});

describe('with VIRTIO_F_EVENT_IDX an interrupt is owed', () => {
  beforeEach(() => {
    queue = new SplitQueue(memory, new Poison(3), SIZE, { eventIdx: true });
  });

  test('for the entry after those that were taken, also when nothing new is made available', () => {
    const [a, b] = publish(1, 1) as [Chain, Chain];
    expect([usedEvent(), queue.interruptDue]).toEqual([0, true]);
    use(0, a.id, 0, 1);
    queue.poll();
    expect([usedEvent(), queue.interruptDue]).toEqual([1, true]);
    use(1, b.id, 0, 2);
    expect(queue.interruptDue).toBe(true);
    queue.poll();
    expect(queue.tampered()).toBeUndefined();
  });

  test('but not for one that was written before it was asked for', () => {
    const [a, b] = publish(1, 1) as [Chain, Chain];
    use(0, a.id, 0, 1);
    // The second comes while the driver looks at the first, too late for its used_event.
    const fetched = queue.areas.device.fetchRange.bind(queue.areas.device);
    let looks = 0;
    queue.areas.device.fetchRange = (offset, length) => {
      if (++looks === 3) use(1, b.id, 0, 2);
      fetched(offset, length);
    };
    expect(queue.poll().entries).toHaveLength(1);
    expect(queue.hasUsed()).toBe(true);
    expect(queue.interruptDue).toBe(false);
    expect(queue.poll().entries).toHaveLength(1);
  });

  test('not where a case looks after used_event, but whatever it writes into avail.flags', () => {
    queue.writeField('avail.flags', undefined, undefined, Uint8Array.of(1, 0));
    expect(queue.interruptDue).toBe(true);
    queue.writeField('used_event', undefined, undefined, Uint8Array.of(9, 0));
    publish(1);
    expect([usedEvent(), queue.interruptDue]).toEqual([9, false]);
  });
});

test('without VIRTIO_F_EVENT_IDX avail.flags decides, and used_event means nothing', () => {
  queue = new SplitQueue(memory, new Poison(3), SIZE);
  queue.writeField('used_event', undefined, undefined, Uint8Array.of(9, 0));
  expect(queue.interruptDue).toBe(true);
  queue.writeField('avail.flags', undefined, undefined, Uint8Array.of(1, 0));
  expect(queue.interruptDue).toBe(false);
});
