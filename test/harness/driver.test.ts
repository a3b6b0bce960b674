/** What the driver knows about the device beyond single exchanges: silence, memory taken back, events, rings by hand. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Driver, type Watched } from '../../src/harness/driver.js';
import type { Exchange } from '../../src/harness/exchange.js';
import { Poison } from '../../src/harness/poison.js';
import { SplitQueue } from '../../src/harness/split-queue.js';
import { StandingLedger } from '../../src/harness/standing-ledger.js';
import type { StandingCheck } from '../../src/harness/violation.js';
import { encodeLun } from '../../src/wire/lun.js';
import { AvailFlag, UsedFlag } from '../../src/wire/split-ring.js';
import { DeviceStatus, featureSet } from '../../src/wire/virtio.js';
import { QueueIndex, virtioScsiConfig, virtioScsiEvent } from '../../src/wire/virtio-scsi.js';
import { FakeDevice, FakeMemory } from './fake-device.js';

let device: FakeDevice;
let driver: Driver;
let ledger: StandingLedger;

beforeEach(() => {
  device = new FakeDevice();
  ledger = new StandingLedger();
  driver = new Driver(device.port, device, 7, (check, violation) =>
    ledger.record(check, violation, { case: 'c', step: '1' }),
  );
  driver.initialise();
});

const ALL: ReadonlySet<Watched> = new Set(['rings', 'buffers', 'interrupts', 'events', 'status']);

function publish(): Exchange {
  const exchange = driver.stage({
    lun: encodeLun(0, 0),
    id: driver.nextId(),
    cdb: new Uint8Array(6),
    dataInSize: 16,
  });
  driver.publish([exchange]);
  return exchange;
}

const violated = (): StandingCheck[] =>
  ledger.rows().flatMap(({ check, violations }) => (violations > 0 ? [check] : []));

describe('a quiet window', () => {
  test('is quiet when nothing happens, though something is in flight', () => {
    publish();
    expect(driver.watchQuiet(5, ALL)).toEqual([]);
  });
  test('lasts until the device is at rest', () => {
    publish();
    device.port.lifecycle.settle = () => void device.raised.add(0);
    expect(driver.watchQuiet(5, ALL)).toEqual(['vector 0 was raised']);
  });

  const deeds: readonly [name: string, happened: RegExp, deed: () => void][] = [
    [
      'a buffer is returned',
      /queue 2 returned a buffer/,
      () => device.use(QueueIndex.REQUEST, device.available(QueueIndex.REQUEST)[0] ?? 0, 108, false),
    ],
    [
      'a buffer is written without being returned',
      /a buffer in flight on queue 2 was written/,
      () =>
        device.answer(QueueIndex.REQUEST, device.available(QueueIndex.REQUEST)[0] ?? 0, new Uint8Array(8)),
    ],
    ['a vector is raised', /vector 3 was raised/, () => device.raised.add(3)],
    [
      'an event is reported',
      /queue 1 returned a buffer/,
      () => device.use(QueueIndex.EVENT, device.available(QueueIndex.EVENT)[0] ?? 0, 16, false),
    ],
  ];
  test.each(deeds)('%s, before the window', (_, happened, deed) => {
    publish();
    deed();
    expect(driver.watchQuiet(5, ALL).join('; ')).toMatch(happened);
  });
  test.each(deeds)('%s, in the middle of it', (_, happened, deed) => {
    publish();
    const { clock } = device.port;
    const relax = clock.relax.bind(clock);
    clock.relax = (round) => {
      if (round === 2) deed();
      relax(round);
    };
    expect(driver.watchQuiet(5, ALL).join('; ')).toMatch(happened);
  });
  test('status changes in it', () => {
    const { clock } = device.port;
    const relax = clock.relax.bind(clock);
    clock.relax = (round) => {
      device.status |= DeviceStatus.DEVICE_NEEDS_RESET;
      relax(round);
    };
    expect(driver.watchQuiet(5, ALL)).toEqual(['status went from 0xf to 0x4f']);
  });
  test('a live queue interrupts, which it may once another one has been reset', () => {
    const watched = new Set<Watched>(['interrupts']);
    device.raised.add(QueueIndex.CONTROL + 1);
    expect(driver.watchQuiet(5, watched)).toEqual(['vector 1 was raised']);
    driver.noteWrite('queue_select', BigInt(QueueIndex.REQUEST));
    driver.noteWrite('queue_reset', 1n);
    driver.noteRead('queue_reset', 0n);
    expect(driver.watchQuiet(5, watched)).toEqual([]);
    device.raised.add(QueueIndex.REQUEST + 1);
    expect(driver.watchQuiet(5, watched)).toEqual(['vector 3 was raised']);
  });
});

describe('memory after a reset', () => {
  test('is the driver’s once status reads 0, and a device that writes it is found out', () => {
    const [inFlight] = publish().placed.in;
    driver.reset();
    driver.judgeDevice();
    expect(violated()).toEqual([]);
    const at = device.memory.at(inFlight?.iova ?? 0n);
    device.memory.bytes[at] = (device.memory.bytes[at] ?? 0) ^ 1;
    driver.judgeDevice();
    expect(violated()).toEqual(['canary']);
  });
  test('is watched also when the reset was written by hand', () => {
    publish();
    const { device: used } = device.queues.get(QueueIndex.REQUEST) ?? { device: 0n };
    driver.noteWrite('device_status', 0n);
    driver.noteRead('device_status', 0n);
    expect(driver.reached).toBe('reset');
    expect(driver.inFlight()).toEqual([]);
    device.memory.bytes[device.memory.at(used) + 2] = 1;
    expect(driver.watchQuiet(1, new Set(['buffers']))).toEqual([
      'the used ring of queue 2 was written after it had been taken back',
    ]);
  });
  test('of one queue is taken back when its queue_reset reads 0', () => {
    publish();
    driver.noteWrite('queue_select', 2n);
    driver.noteWrite('queue_reset', 1n);
    driver.noteRead('queue_reset', 1n);
    expect(driver.inFlight()).toHaveLength(1);
    driver.noteRead('queue_reset', 0n);
    expect(driver.inFlight()).toEqual([]);
    expect(driver.reached).toBe('live');
    expect(() => publish()).toThrow(/queue 2 is not live/);
    driver.setup({ queues: new Map([[2, { size: 4 }]]) });
    expect(device.queues.get(2)?.size).toBe(4);
    expect(publish().queue).toBe(2);
  });
});

test('an event is taken, and its buffer replaced', () => {
  const heads = device.available(QueueIndex.EVENT);
  expect(heads).toHaveLength(4);
  const bytes = virtioScsiEvent.encode({ event: 1, lun: encodeLun(5, 3, 'peripheral'), reason: 2 });
  device.answer(QueueIndex.EVENT, heads[0] ?? 0, bytes);
  device.use(QueueIndex.EVENT, heads[0] ?? 0, 16);
  expect(driver.waitForEvent(5)).toMatchObject({ event: 1, reason: 2, usedLen: 16, bytes });
  expect(device.available(QueueIndex.EVENT)).toHaveLength(1);
  expect(driver.waitForEvent(5)).toBeUndefined();
});

test.each([
  ['as event_info_size says', 64, 64],
  ['large enough for an event at least', 0, 16],
  ['of a sane size at most', 0xffff_ffff, 4096],
])('buffers for events are %s', (_, announced, size) => {
  new DataView(device.config.buffer).setUint32(
    virtioScsiConfig.fields.event_info_size.offset,
    announced,
    true,
  );
  driver.initialise();
  const [head = 0] = device.available(QueueIndex.EVENT);
  device.use(QueueIndex.EVENT, head, 0);
  expect(driver.waitForEvent(5)?.bytes).toHaveLength(size);
});

describe('set-up', () => {
  test('stops where it is told and goes on from there', () => {
    driver.startOver();
    driver.setup({ until: 'driver' });
    expect(device.status).toBe(3);
    driver.setup({ until: 'queues' });
    expect(device.status).toBe(11);
    expect([...device.queues.keys()]).toEqual([0, 1, 2, 3]);
    expect(device.available(QueueIndex.EVENT)).toEqual([]);
    driver.setup();
    expect(device.status).toBe(15);
    expect(device.available(QueueIndex.EVENT)).toHaveLength(4);
  });
  test('takes features, sizes, vectors and the number of event buffers', () => {
    driver.startOver();
    driver.setup({
      features: () => featureSet('VIRTIO_F_VERSION_1'),
      queues: new Map([[2, { size: 8, memory: 'tight' }]]),
      only: [1, 2],
      eventBuffers: 2,
      vectors: new Map<number | 'config', number | 'none'>([[2, 'none']]),
    });
    expect(driver.state.negotiated).toBe(1n << 32n);
    expect([...device.queues.keys()]).toEqual([1, 2]);
    const { size, vector, desc, driver: avail, device: used } = device.queues.get(2) ?? {};
    expect({ size, vector }).toEqual({ size: 8, vector: undefined });
    // Just the alignment that the standard asks for: 16, 2 and 4.
    expect([(desc ?? 0n) % 32n, (avail ?? 0n) % 4n, (used ?? 0n) % 8n]).toEqual([16n, 2n, 4n]);
    expect(device.available(QueueIndex.EVENT)).toHaveLength(2);
  });
  test('refuses a device whose num_queues and queues disagree', () => {
    device.config[0] = 3;
    expect(() => driver.initialise()).toThrow(
      /num_queues says 3 request queues, the transport has 4 queues in all/,
    );
  });
});

describe('a split ring by hand', () => {
  const memory = new FakeMemory();
  const ring = (eventIdx = false) => new SplitQueue(memory, new Poison(3), 4, { eventIdx });
  const element = { iova: 0x1000n, length: 16, writable: false };

  test('a field that was written stays as it is', () => {
    const queue = ring();
    queue.writeField('avail.idx', undefined, undefined, Uint8Array.of(9, 0));
    queue.publish([queue.stage([element], undefined)]);
    const { buffer, offset } = queue.field('avail.idx');
    expect(buffer.view[offset]).toBe(9);
    expect(queue.tampered()).toBeUndefined();
    expect(queue.interruptDue).toBe(true);
    queue.writeField('avail.flags', undefined, undefined, Uint8Array.of(AvailFlag.NO_INTERRUPT, 0));
    expect(queue.interruptDue).toBe(false);
  });

  test('the device says whether it wants a kick', () => {
    const queue = ring();
    const { buffer, offset } = queue.field('used.flags');
    expect(queue.asksForKick(queue.publish([queue.stage([element], undefined)]))).toBe(true);
    buffer.view[offset] = UsedFlag.NO_NOTIFY;
    expect(queue.asksForKick(queue.publish([queue.stage([element], undefined)]))).toBe(false);
  });

  test('with event index it says so by avail_event', () => {
    const queue = ring(true);
    expect(queue.asksForKick(queue.publish([queue.stage([element], undefined)]))).toBe(true);
    expect(queue.asksForKick(queue.publish([queue.stage([element], undefined)]))).toBe(false);
    const { buffer, offset } = queue.field('avail_event');
    buffer.view[offset] = 2;
    expect(queue.asksForKick(queue.publish([queue.stage([element], undefined)]))).toBe(true);
  });

  test('descriptors can be laid against the rules', () => {
    const queue = ring();
    const loop = queue.stage(
      [element, { ...element, writable: true, overrides: { next: 1, len: 0xffffffff } }],
      undefined,
    );
    const slot = loop.slots[1] ?? 0;
    const read = (part: string) => {
      const { buffer, offset, size } = queue.field('desc', slot, part);
      return [...buffer.view.subarray(offset, offset + size)];
    };
    expect(read('next')).toEqual([slot, 0]);
    expect(read('flags')).toEqual([3, 0]);
    expect(read('len')).toEqual([255, 255, 255, 255]);
  });

  test('a ring that is full and a field that is not there are told', () => {
    const queue = ring();
    expect(() => queue.stage(Array(5).fill(element), undefined)).toThrow(
      /needs 5 descriptors, 4 of 4 are free/,
    );
    expect(() => queue.field('next_wrap')).toThrow(/no field next_wrap/);
    expect(() => queue.field('desc', 4, 'len')).toThrow(/desc\[4\]: the ring has 4/);
  });
});

describe('what a kick says', () => {
  const VERSION_1 = featureSet('VIRTIO_F_VERSION_1');
  const DATA = featureSet('VIRTIO_F_NOTIFICATION_DATA');
  const CONFIG_DATA = featureSet('VIRTIO_F_NOTIF_CONFIG_DATA');
  const PACKED = featureSet('VIRTIO_F_RING_PACKED');

  test.each([
    ['the index of the queue', 0n, [2, 2], false],
    ['the number that the device supplies', CONFIG_DATA, [0x5a, 0x5a], false],
    ['the available index as well', DATA, [0x0001_0002, 0x0002_0002], true],
    ['the number and the available index', DATA | CONFIG_DATA, [0x0001_005a, 0x0002_005a], true],
    // Two descriptors a request in a ring of 3: the second one wraps.
    ['place and wrap counter of a packed ring', DATA | PACKED, [0x8002_0002, 0x0001_0002], true],
  ])('%s', (_name, features, values, wide) => {
    device.features = VERSION_1 | features;
    device.notifyData = 0x5an;
    driver.initialise({
      features: (offered) => offered,
      eventBuffers: 0,
      queues: new Map([[QueueIndex.REQUEST, { size: features & PACKED ? 3 : 8 }]]),
    });
    const seen: [number, boolean][] = [];
    device.onNotify = (_queue, value, wide) => void seen.push([value, wide]);
    const stage = () => driver.stage({ lun: encodeLun(0, 0), id: 1n, cdb: new Uint8Array(6) });
    driver.publish([stage()]);
    if (features & PACKED) {
      const { buffer, offset } = driver.ring(QueueIndex.REQUEST).field('desc', 0, 'flags');
      new DataView(buffer.view.buffer, buffer.view.byteOffset).setUint16(offset, 0x8080, true);
      driver.collect();
    }
    driver.publish([stage()]);
    driver.kick(QueueIndex.REQUEST);
    const [first = 0, second = 0] = values;
    expect(seen).toEqual([first, second, second].map((value) => [value, wide]));
  });
});
