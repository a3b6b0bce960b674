import { describe, expect, test } from 'vitest';
import { Bench } from '../bench.js';

const INQUIRY = '12 00 00 00 24 00';
const EVENT_IDX = 1n << 29n;
const INDIRECT = 1n << 28n;

describe('order and indexes', () => {
  test('nothing is taken before DRIVER_OK', () => {
    const bench = new Bench();
    bench.negotiate(1n << 32n);
    bench.setUpQueue(2);
    const sent = bench.send(2, [Bench.request(INQUIRY)], [144]);
    expect(sent.used()).toBeUndefined();
    bench.common(20, 1, 0x0f);
    bench.kick(2);
    expect(sent.used()).toBe(144);
  });

  test('a batch published by one index update is all served', () => {
    const bench = new Bench().start();
    const sent = [1, 2, 3].map(() => bench.send(2, [Bench.request(INQUIRY)], [144], { kick: false }));
    bench.kick(2);
    expect(sent.map((each) => each.used())).toEqual([144, 144, 144]);
    expect(bench.queue(2).usedIdx).toBe(3);
  });

  test('the indexes wrap at 65536', () => {
    const bench = new Bench().start(0n, 2);
    const queue = bench.queue(2);
    const request = bench.place64(Bench.request(INQUIRY));
    const answer = bench.alloc(144);
    queue.describe(0, request.iova, 51, 1, 1);
    queue.describe(1, answer.iova, 144, 2, 0);
    for (let round = 0; round < 65540; round++) {
      queue.publish(0);
      bench.reg(2, 4, 2, 2);
    }
    expect(queue.usedIdx).toBe(4);
  });

  test('a surplus kick does no harm', () => {
    const bench = new Bench().start();
    bench.kick(2);
    bench.kick(0);
    bench.kick(1);
    expect([bench.status, bench.queue(2).usedIdx]).toEqual([0x0f, 0]);
  });
});

describe('notifications', () => {
  test.each([
    ['flags 0', 0n, 0, 0, 1],
    ['flags 1', 0n, 1, 0, 0],
    ['flags 1 are ignored with event index', EVENT_IDX, 1, 0, 1],
    ['used_event not reached', EVENT_IDX, 0, 5, 0],
    ['used_event without the feature is ignored', 0n, 0, 5, 1],
  ])('%s', (_name, features, flags, usedEvent, isr) => {
    const bench = new Bench().start(features);
    const queue = bench.queue(2);
    queue.availView.setUint16(0, flags, true);
    queue.availView.setUint16(4 + 2 * queue.size, usedEvent, true);
    bench.command(INQUIRY, { dataIn: 36 });
    expect(bench.reg(3, 0, 1)).toBe(isr);
  });

  test('with event index the device asks for the next kick', () => {
    const bench = new Bench().start(EVENT_IDX);
    bench.command(INQUIRY, { dataIn: 36 });
    const queue = bench.queue(2);
    expect(queue.usedView.getUint16(4 + 8 * queue.size, true)).toBe(1);
    expect(queue.usedView.getUint16(0, true)).toBe(0);
  });
});

/** A chain of one descriptor, at an address that may be of the bench's memory. */
const oneDescriptor =
  (address: (b: Bench) => bigint, length: number, flags: number, next: number) => (b: Bench) => {
    b.queue(2).describe(0, address(b), length, flags, next);
    b.queue(2).publish(0);
  };

/** Chains that no driver may build; each ends in DEVICE_NEEDS_RESET and nothing else. */
const HOSTILE: readonly (readonly [string, bigint, (bench: Bench) => void])[] = [
  ['head out of range', 0n, (b) => b.queue(2).publish(16)],
  ['loop', 0n, oneDescriptor((b) => b.alloc(64).iova, 64, 1, 0)],
  ['next out of range', 0n, oneDescriptor((b) => b.alloc(64).iova, 64, 1, 16)],
  ['address in the hole', 0n, oneDescriptor(() => 0x10n, 64, 0, 0)],
  [
    'crossing the end of a region',
    0n,
    (b) => {
      const region = b.model.memory.regions[0];
      b.queue(2).describe(0, (region?.iova ?? 0n) + BigInt((region?.bytes.length ?? 0) - 8), 64, 0, 0);
      b.queue(2).publish(0);
    },
  ],
  ['length of 4 GiB', 0n, oneDescriptor((b) => b.alloc(64).iova, 0xffffffff, 0, 0)],
  ['nothing in it', 0n, oneDescriptor(() => 0n, 0, 0, 0)],
  [
    'readable after writable',
    0n,
    (b) => {
      b.queue(2).describe(0, b.alloc(200).iova, 200, 3, 1);
      b.queue(2).describe(1, b.alloc(64).iova, 64, 0, 0);
      b.queue(2).publish(0);
    },
  ],
  ['INDIRECT without the feature', 0n, oneDescriptor((b) => b.alloc(64, 16).iova, 64, 4, 0)],
  ['indirect table of an odd size', INDIRECT, oneDescriptor((b) => b.alloc(64, 16).iova, 24, 4, 0)],
  ['INDIRECT with NEXT', INDIRECT, oneDescriptor((b) => b.alloc(64, 16).iova, 32, 5, 1)],
  ['available index too far ahead', 0n, (b) => b.queue(2).availView.setUint16(2, 17, true)],
  [
    'control request without a response',
    0n,
    (b) => {
      b.send(0, [new Uint8Array(24)], []);
      b.queue(2).publish(99);
    },
  ],
];

describe('memory that is taken away', () => {
  test('is not looked at again, and a ring goes on where it was when it comes back', () => {
    const bench = new Bench().start();
    expect(bench.command(INQUIRY, { dataIn: 36 }).status).toBe(0);
    const { regions } = bench.model.memory;
    const sent = bench.send(2, [Bench.request(INQUIRY)], [144], { kick: false });
    bench.model.replaceMemory([]);
    bench.model.replaceMemory(regions);
    bench.kick(2);
    expect(sent.used()).toBe(144);
    expect([bench.status, bench.queue(2).usedIdx]).toEqual([0x0f, 2]);
    bench.send(2, [Bench.request(INQUIRY)], [144], { kick: false });
    bench.model.replaceMemory([]);
    bench.kick(2);
    expect([bench.status, bench.queue(2).usedIdx]).toEqual([0x4f, 2]);
  });
});

describe('a hostile driver', () => {
  test.each(HOSTILE)('%s', (_name, features, attack) => {
    const bench = new Bench().start(features);
    attack(bench);
    bench.kick(2);
    expect(bench.status & 0x40).toBe(0x40);
    expect(bench.queue(2).usedIdx).toBe(0);
    expect(bench.model.faults.length).toBeGreaterThan(0);
    // It lives: after a reset it serves again.
    expect(bench.start().command(INQUIRY, { dataIn: 36 }).status).toBe(0);
  });

  test('misaligned rings', () => {
    const bench = new Bench();
    bench.negotiate(1n << 32n);
    bench.setUpQueue(2);
    bench.common(20, 1, 0);
    bench.negotiate(1n << 32n);
    bench.common(22, 2, 2);
    bench.common(32, 4, 8);
    bench.common(28, 2, 1);
    bench.common(20, 1, 0x0f);
    bench.kick(2);
    expect(bench.status).toBe(0x4f);
  });
});

describe('indirect tables', () => {
  test('direct descriptors may come before the table', () => {
    const bench = new Bench().start(INDIRECT);
    const header = Bench.request(INQUIRY);
    const queue = bench.queue(2);
    const answer = bench.alloc(144);
    const rest = bench.place64(header.subarray(10));
    const table = bench.alloc(32, 16);
    const entry = new DataView(table.bytes.buffer, table.bytes.byteOffset, 32);
    entry.setBigUint64(0, rest.iova, true);
    entry.setUint32(8, 41, true);
    entry.setUint16(12, 1, true);
    entry.setUint16(14, 1, true);
    entry.setBigUint64(16, answer.iova, true);
    entry.setUint32(24, 144, true);
    entry.setUint16(28, 2, true);
    queue.describe(0, bench.place64(header.subarray(0, 10)).iova, 10, 1, 1);
    queue.describe(1, table.iova, 32, 4 | 2, 0); // WRITE beside INDIRECT means nothing
    queue.publish(0);
    bench.kick(2);
    expect(queue.usedView.getUint32(8, true)).toBe(144);
    expect(answer.bytes[11]).toBe(0);
  });
});

describe('queue reset', () => {
  test('sets the queue back, and it serves again with another size', () => {
    const bench = new Bench().start(1n << 40n).ready();
    bench.common(22, 2, 2);
    bench.common(58, 2, 1);
    expect([bench.common(58, 2), bench.common(28, 2), bench.common(24, 2)]).toEqual([0, 0, 256]);
    bench.setUpQueue(2, 4);
    expect(bench.command('00 00 00 00 00 00').status).toBe(0);
    expect(bench.queue(2).usedIdx).toBe(1);
  });

  test('does nothing without the feature', () => {
    const bench = new Bench().start();
    bench.common(22, 2, 2);
    bench.common(58, 2, 1);
    expect(bench.common(28, 2)).toBe(1);
  });
});
