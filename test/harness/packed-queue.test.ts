/** The driver's packed ring against a reader of its own, written from the standard. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { PackedQueue } from '../../src/harness/packed-queue.js';
import { Poison } from '../../src/harness/poison.js';
import type { Chain, ChainElement, RingOptions } from '../../src/harness/ring.js';
import { readRingField } from '../../src/harness/ring-memory.js';
import { EventFlags, offWrap } from '../../src/wire/packed-ring.js';
import { FakeMemory } from './fake-device.js';
import { type FoundChain, PackedReader } from './packed-reader.js';

let memory: FakeMemory;

beforeEach(() => {
  memory = new FakeMemory();
});

function ring(size: number, options: RingOptions = {}): { queue: PackedQueue; device: PackedReader } {
  const queue = new PackedQueue(memory, new Poison(3), size, options);
  return { queue, device: new PackedReader(memory, queue.areas.desc.iova, size) };
}

const element = (i = 0): ChainElement => ({ iova: 0x1000n + BigInt(i), length: 16 + i, writable: false });
const chainOf = (length: number): ChainElement[] => Array.from({ length }, (_, i) => element(i));
const number = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => value * 256 + byte, 0);
const field = (queue: PackedQueue, path: string, index?: number, part?: string) =>
  number(readRingField(queue.field(path, index, part)));

/** Publishes chains of the given lengths; what the device finds. */
function publish(queue: PackedQueue, device: PackedReader, ...lengths: number[]): FoundChain[] {
  queue.publish(lengths.map((length) => queue.stage(chainOf(length), undefined)));
  return device.available();
}

test('whatever is made available and returned, in any order, both sides see the same', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('publish' as const),
      lengths: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      table: fc.boolean(),
      tail: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('use' as const),
      picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      written: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.boolean(),
      (size, steps, eventIdx) => {
        memory = new FakeMemory();
        const { queue, device } = ring(size, { eventIdx });
        const sent = new Map<number, { chain: Chain; found: FoundChain }>();
        let free = size;
        for (const step of steps) {
          if (step.kind === 'publish') {
            const from = step.table ? 0 : undefined;
            const chains: Chain[] = [];
            for (const length of step.lengths) {
              const needs = step.table ? 1 : length;
              if (needs > free) {
                expect(() => queue.stage(chainOf(length), from)).toThrow(/are free/);
                continue;
              }
              free -= needs;
              chains.push(queue.stage(chainOf(length), from, step.tail));
            }
            expect(device.available()).toEqual([]);
            queue.publish(chains);
            const found = device.available();
            expect(found.map(({ id }) => id)).toEqual(chains.map(({ id }) => id));
            for (const [i, chain] of chains.entries()) {
              const seen = found[i];
              if (seen === undefined) throw new Error('nothing found');
              expect(seen.slots).toEqual(chain.slots);
              expect(seen.elements).toEqual(
                chainOf(seen.elements.length).map(({ iova, length }) => ({ iova, length, writable: false })),
              );
              expect(sent.has(chain.id)).toBe(false);
              sent.set(chain.id, { chain, found: seen });
            }
            continue;
          }
          const returned: { id: number; len: number; slot: number; writeFlag: boolean; chain: Chain }[] = [];
          for (const pick of step.picks) {
            const one = [...sent.values()][pick % Math.max(1, sent.size)];
            if (one === undefined) continue;
            const { id } = one.found;
            const len = pick % 1000;
            const slot = device.use(id, len, one.found.slots.length, step.written);
            returned.push({ id, len, slot, writeFlag: step.written, chain: one.chain });
            sent.delete(id);
            free += one.found.slots.length;
          }
          expect(queue.hasUsed()).toBe(returned.length > 0);
          const { entries, implausible } = queue.poll();
          expect(implausible).toBeUndefined();
          expect(entries.map(({ index, ...entry }) => entry)).toEqual(returned);
          expect(queue.outstanding).toBe(sent.size);
          expect(queue.tampered()).toBeUndefined();
          expect(queue.overrun()).toBeUndefined();
          expect(queue.interruptDue).toBe(true);
        }
      },
    ),
    { numRuns: 200 },
  );
});

describe('publication', () => {
  test('a chain whose tail is available is not, until its first descriptor is', () => {
    for (const before of [0, 1, 2, 3, 4]) {
      memory = new FakeMemory();
      const { queue, device } = ring(5);
      for (let i = 0; i < before; i++) {
        const [found] = publish(queue, device, 2);
        device.use(found?.id ?? 0, 0, 2);
        queue.poll();
      }
      const tailed = queue.stage(chainOf(3), undefined, true);
      expect(tailed.head).toBe((2 * before) % 5);
      expect(device.available()).toEqual([]);
      // What follows in the ring stays invisible as well.
      queue.publish([queue.stage([element()], undefined)]);
      expect(device.available()).toEqual([]);
      queue.publish([tailed]);
      expect(device.available().map(({ slots }) => slots.length)).toEqual([3, 1]);
    }
  });

  test('chains take their places in the order of publication', () => {
    const { queue, device } = ring(8);
    const [first, second] = [queue.stage(chainOf(2), undefined), queue.stage(chainOf(1), undefined)];
    expect(() => queue.stage(chainOf(6), undefined)).toThrow(/needs 6 descriptors, 5 of 8 are free/);
    expect(queue.nextSlot).toBe(0);
    queue.publish([second, first]);
    expect(device.available().map(({ slots }) => slots)).toEqual([[0], [1, 2]]);
    expect(queue.nextSlot).toBe(3);
  });

  test('notifications carry the next place and its wrap counter', () => {
    const { queue, device } = ring(3);
    expect(queue.notificationData).toBe(0x8000);
    const [a] = publish(queue, device, 2);
    expect([queue.notificationData, queue.nextSlot, queue.nextWrap]).toEqual([0x8002, 2, 1]);
    device.use(a?.id ?? 0, 0, 2);
    queue.poll();
    publish(queue, device, 2);
    expect([queue.notificationData, queue.nextSlot, queue.nextWrap]).toEqual([0x0001, 1, 0]);
  });

  test('ids are given in another order than places, and again when they are free', () => {
    const { queue, device } = ring(3);
    const ids: number[] = [];
    for (let i = 0; i < 6; i++) {
      const [found] = publish(queue, device, 1);
      ids.push(found?.id ?? -1);
      device.use(found?.id ?? 0, 0, 1);
      queue.poll();
    }
    expect(ids).toEqual([2, 1, 0, 2, 1, 0]);
  });
});

describe('against the rules', () => {
  test('descriptors hold what a case wants', () => {
    const { queue, device } = ring(4);
    const chain = queue.stage(
      [
        { ...element(), overrides: { id: 9 } },
        { ...element(), writable: true, overrides: { id: 7, len: 0xffffffff } },
      ],
      undefined,
    );
    queue.publish([chain]);
    const [found] = device.available();
    expect(found).toMatchObject({
      id: 7,
      elements: [{ length: 16 }, { length: 0xffffffff, writable: true }],
    });
    expect(field(queue, 'desc', 0, 'id')).toBe(9);
    device.use(7, 0, 2);
    expect(queue.poll().entries).toMatchObject([{ id: 7, chain }]);
  });

  test('flags get AVAIL and USED unless a case sets one of them', () => {
    const { queue } = ring(4);
    const flags = (value: number) => {
      const chain = queue.stage([{ ...element(), overrides: { flags: value } }], undefined);
      queue.publish([chain]);
      return field(queue, 'desc', chain.head, 'flags');
    };
    expect(flags(0x0002)).toBe(0x0082);
    expect(flags(0x8002)).toBe(0x8002);
    expect(flags(0x0080)).toBe(0x0080);
  });

  test('a table of a packed ring has WRITE for its only flag, unless a case says otherwise', () => {
    const { queue, device } = ring(4);
    const table = [element(), { ...element(1), writable: true }];
    queue.publish([queue.stage(table, 0)]);
    expect(device.available()[0]?.elements.map(({ writable }) => writable)).toEqual([false, true]);
    const odd = queue.stage([element(), { ...element(1), overrides: { flags: 1 } }], 0);
    queue.publish([odd]);
    expect(() => device.available()).toThrow(/flags 1 in a table/);
  });
});

describe('a hostile device', () => {
  test('marks a descriptor used when nothing is outstanding', () => {
    const { queue, device } = ring(4);
    device.use(3, 0, 1);
    expect(queue.poll()).toMatchObject({
      entries: [],
      implausible: { got: 'descriptor 0 marked used' },
    });
    expect(queue.hasUsed()).toBe(false);
  });

  test.each([4, 0xffff])('returns id %i, which is not outstanding', (id) => {
    const { queue, device } = ring(4);
    publish(queue, device, 2);
    device.use(id, 0xffffffff, 2);
    expect(queue.poll()).toMatchObject({
      entries: [{ id, len: 0xffffffff, chain: undefined }],
      implausible: undefined,
    });
    // Nobody knows where the next one is to come.
    expect(queue.hasUsed()).toBe(false);
  });

  test('marks every descriptor of the ring used, again and again', () => {
    const { queue, device } = ring(4);
    publish(queue, device, 1, 1, 1, 1);
    for (let i = 0; i < 64; i++) device.use(3 - (i % 4), 0, 1);
    // Four laps end where they began, and the last mark is that of the lap before: nothing that a driver must take.
    let seen = 0;
    while (queue.hasUsed()) seen += queue.poll().entries.length;
    expect(seen).toBeLessThanOrEqual(4);
  });

  test('changes what it must leave alone', () => {
    const { queue, device } = ring(4);
    const [found] = publish(queue, device, 2);
    const at = memory.at(queue.areas.desc.iova);
    expect(queue.tampered()).toBeUndefined();
    device.use(found?.id ?? 0, 5, 2);
    queue.poll();
    expect(queue.tampered()).toBeUndefined();
    memory.bytes[at + 8] = 6;
    expect(queue.tampered()).toMatch(/descriptor ring, byte 8: 05 became 06/);
    memory.bytes[at + 8] = 5;
    memory.bytes[at + 16 + 15] = 0x80;
    expect(queue.tampered()).toMatch(/descriptor ring, byte 31/);
    memory.bytes[at + 16 + 15] = 0;
    memory.bytes[memory.at(queue.areas.driver.iova) + 2] = 1;
    expect(queue.tampered()).toMatch(/driver event suppression, byte 2/);
  });

  test('writes beside an area', () => {
    const { queue } = ring(4);
    const at = memory.at(queue.areas.device.iova) + 4;
    memory.bytes[at] = (memory.bytes[at] ?? 0) ^ 1;
    expect(queue.overrun()).toBe('guard of the device event suppression, byte 4');
  });
});

describe('with VIRTIO_F_IN_ORDER', () => {
  test('one used descriptor returns a batch, and the next comes behind all of it', () => {
    const { queue, device } = ring(7, { inOrder: true });
    for (let round = 0; round < 9; round++) {
      const found = publish(queue, device, 2, 1, 3);
      const [, second, third] = found;
      const slot = device.use(second?.id ?? 0, 44, 3);
      const { entries, implausible } = queue.poll();
      expect(implausible).toBeUndefined();
      expect(slot).toBe(found[0]?.slots[0]);
      expect(entries.map(({ len, id }) => ({ len, id }))).toEqual([
        { len: undefined, id: second?.id },
        { len: 44, id: second?.id },
      ]);
      expect(entries[0]?.index).toBe(entries[1]?.index);
      expect(entries.map(({ chain }) => chain?.head)).toEqual([found[0]?.slots[0], second?.slots[0]]);
      device.use(third?.id ?? 0, 1, 3);
      expect(queue.poll().entries).toHaveLength(1);
      expect(queue.outstanding).toBe(0);
      expect(queue.tampered()).toBeUndefined();
    }
  });
});

describe('suppression', () => {
  const deviceEvent = (queue: PackedQueue, offset: number, wrap: boolean, flags: number) => {
    const at = memory.at(queue.areas.device.iova);
    memory.view.setUint16(at, offWrap(offset, wrap), true);
    memory.view.setUint16(at + 2, flags, true);
  };
  const kicks = (queue: PackedQueue, device: PackedReader, length: number): boolean => {
    const asked = queue.asksForKick(queue.publish([queue.stage(chainOf(length), undefined)]));
    for (const { id, slots } of device.available()) device.use(id, 0, slots.length);
    queue.poll();
    return asked;
  };

  test('the device asks for every kick, or for none', () => {
    const { queue, device } = ring(4);
    expect(kicks(queue, device, 1)).toBe(true);
    deviceEvent(queue, 0, true, EventFlags.DISABLE);
    expect(kicks(queue, device, 1)).toBe(false);
    // A descriptor needs VIRTIO_F_EVENT_IDX, and 3 is reserved: neither keeps the driver silent.
    deviceEvent(queue, 0, true, EventFlags.DESC);
    expect(kicks(queue, device, 1)).toBe(true);
    deviceEvent(queue, 0, true, 3);
    expect(kicks(queue, device, 1)).toBe(true);
  });

  test('with VIRTIO_F_EVENT_IDX it names a descriptor', () => {
    const { queue, device } = ring(5, { eventIdx: true });
    deviceEvent(queue, 3, true, EventFlags.DESC);
    expect(kicks(queue, device, 3)).toBe(false);
    expect(kicks(queue, device, 3)).toBe(true);
    // Now at 1 in the lap with the other counter.
    deviceEvent(queue, 2, true, EventFlags.DESC);
    expect(kicks(queue, device, 2)).toBe(false);
    deviceEvent(queue, 1, true, EventFlags.DESC);
    expect(kicks(queue, device, 2)).toBe(false);
    expect(kicks(queue, device, 3)).toBe(true);
    deviceEvent(queue, 5, true, EventFlags.DESC);
    expect(kicks(queue, device, 1)).toBe(true);
  });

  test('the driver asks for an interrupt at the next used descriptor', () => {
    const { queue, device } = ring(3, { eventIdx: true });
    const asked = () => [
      field(queue, 'driver_event.off'),
      field(queue, 'driver_event.wrap'),
      field(queue, 'driver_event.flags'),
    ];
    const found = publish(queue, device, 1, 1);
    expect(asked()).toEqual([0, 1, 2]);
    device.use(found[0]?.id ?? 0, 0, 1);
    expect(queue.interruptDue).toBe(true);
    queue.poll();
    expect(asked()).toEqual([1, 1, 2]);
    device.use(found[1]?.id ?? 0, 0, 1);
    queue.poll();
    publish(queue, device, 2);
    expect(asked()).toEqual([2, 1, 2]);
    expect(queue.interruptDue).toBe(true);
    expect(queue.tampered()).toBeUndefined();
  });

  test('what a case writes there stays, part by part', () => {
    const { queue, device } = ring(3, { eventIdx: true });
    queue.writeField('driver_event.off', undefined, undefined, Uint8Array.of(0x34, 0x12));
    queue.writeField('driver_event.wrap', undefined, undefined, Uint8Array.of(1, 0));
    queue.writeField('driver_event.flags', undefined, undefined, Uint8Array.of(EventFlags.DESC, 0));
    publish(queue, device, 1);
    expect([...queue.areas.driver.view]).toEqual([0x34, 0x92, 2, 0]);
    expect(queue.interruptDue).toBe(false);
    expect(queue.tampered()).toBeUndefined();
    queue.writeField('driver_event.wrap', undefined, undefined, Uint8Array.of(0, 0));
    expect([...queue.areas.driver.view]).toEqual([0x34, 0x12, 2, 0]);
  });
});

test('fields that a packed ring has not are told', () => {
  const { queue } = ring(3);
  expect(() => queue.field('avail.flags')).toThrow(/a packed ring has no field avail.flags/);
  expect(() => queue.field('driver_event.id')).toThrow(/no field driver_event.id/);
  expect(() => queue.field('desc', 3, 'len')).toThrow(/desc\[3\]: the ring has 3/);
  expect(() => queue.field('desc', 0, 'next')).toThrow(/there is no next/);
});

test('memory that is used again begins zeroed, at the same addresses', () => {
  const { queue, device } = ring(3, { tight: true });
  const { desc, driver, device: deviceArea } = queue.areas;
  expect([desc.iova % 32n, driver.iova % 8n, deviceArea.iova % 8n]).toEqual([16n, 4n, 4n]);
  publish(queue, device, 2);
  const again = new PackedQueue(memory, new Poison(3), 3, { reuse: queue.areas });
  expect(again.areas).toEqual(queue.areas);
  expect(again.areas.desc.view.every((byte) => byte === 0)).toBe(true);
  expect(again.tampered()).toBeUndefined();
});
