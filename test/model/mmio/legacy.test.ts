import { describe, expect, test } from 'vitest';
import { Bench, hex, le } from '../bench.js';
import { LegacyMmioBench } from './mmio-bench.js';

const NOTIFY_ON_EMPTY = 1n << 24n;
const EVENT_IDX = 1n << 29n;
const ready = (bench: LegacyMmioBench) => bench.ready().command('00 00 00 00 00 00').status;

describe('registers of version 1', () => {
  test('version, and none of the registers of version 2', () => {
    const bench = new LegacyMmioBench();
    expect([bench.mmio(0x000), bench.mmio(0x004), bench.mmio(0x008)]).toEqual([0x74726976, 1, 8]);
    bench.mmio(0x44, 1);
    expect([bench.mmio(0x44), bench.mmio(0xb0), bench.mmio(0xfc)]).toEqual([0, 0, 0]);
  });

  test('the first word of features with the legacy bits, and no other word', () => {
    const { offered } = new LegacyMmioBench();
    expect(offered >> 32n).toBe(0n);
    expect(offered & ((1n << 24n) | (1n << 27n) | (1n << 30n))).toBe((1n << 24n) | (1n << 27n));
  });

  test('FEATURES_OK is no bit of it', () => {
    const bench = new LegacyMmioBench();
    bench.mmio(0x70, 0x0b);
    expect(bench.status).toBe(3);
  });

  test('QueuePFN reads back, and 0 takes the queue out of use', () => {
    const bench = new LegacyMmioBench().start();
    bench.mmio(0x30, 2);
    expect(bench.mmio(0x40)).toBe(Number(bench.queue(2).desc.iova / 4096n));
    bench.mmio(0x40, 0);
    expect(bench.mmio(0x40)).toBe(0);
    expect(bench.send(2, [Bench.request('00 00 00 00 00 00')], [108]).used()).toBeUndefined();
    expect(bench.status).toBe(7);
    bench.setUpQueue(2);
    expect(ready(bench)).toBe(0);
  });

  test('reset sets every QueuePFN to 0', () => {
    const bench = new LegacyMmioBench().start();
    bench.mmio(0x70, 0);
    for (const index of [0, 1, 2, 3]) {
      bench.mmio(0x30, index);
      expect(bench.mmio(0x40)).toBe(0);
    }
  });
});

describe('operation', () => {
  test.each([
    [4096, 4096],
    [4096, 64],
    [16384, 4096],
    [256, 512],
  ])('pages of %i bytes and used rings aligned to %i', (page, align) => {
    const bench = new LegacyMmioBench();
    bench.negotiate(0n);
    for (const index of [0, 1, 2, 3]) bench.setUpQueue(index, 16, page, align);
    bench.mmio(0x70, 7);
    expect(ready(bench)).toBe(0);
  });

  test('the device is used before DRIVER_OK and before features', () => {
    const bench = new LegacyMmioBench();
    bench.mmio(0x114, 40);
    expect(bench.mmio(0x114)).toBe(40);
    bench.mmio(0x114, 96);
    bench.setUpQueue(2);
    expect(ready(bench)).toBe(0);
  });

  test.each([0n, EVENT_IDX])('NOTIFY_ON_EMPTY overrides suppression, with features %i', (features) => {
    for (const onEmpty of [0n, NOTIFY_ON_EMPTY]) {
      const bench = new LegacyMmioBench().start(features | onEmpty);
      // Suppressed by the flag, or by an event index far away.
      bench.queue(2).availView.setUint16(0, 1, true);
      bench.queue(2).availView.setUint16(4 + 2 * 16, 0x7fff, true);
      bench.ready();
      expect(bench.line).toBe(onEmpty !== 0n);
    }
  });

  test('a guest of big-endian byte order', () => {
    const bench = new LegacyMmioBench({ config: { guestByteOrder: 'big' } });
    const swap = (bytes: Uint8Array) => bytes.reverse();
    // Registers keep their order, the configuration does not.
    expect(bench.mmio(0x00)).toBe(0x74726976);
    expect(bench.mmio(0x114)).toBe(0x60000000);
    bench.setUpQueue(2);
    const queue = bench.queue(2);
    const request = bench.place64(Bench.request('12 00 00 00 24 00'));
    const response = bench.alloc(108 + 36);
    const descriptor = (at: number, addr: bigint, len: number, flags: number, next: number) => {
      const fields = [le(addr, 8), le(len, 4), le(flags, 2), le(next, 2)].map(swap);
      queue.desc.bytes.set(Uint8Array.from(fields.flatMap((field) => [...field])), 16 * at);
    };
    descriptor(0, request.iova, 51, 1, 5);
    descriptor(5, response.iova, 144, 2, 0);
    queue.avail.bytes.set(hex('00 00 00 01 00 00'));
    bench.kick(2);
    expect([...queue.used.bytes.subarray(2, 12)]).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0, 144]);
    const answer = new DataView(response.bytes.buffer, response.bytes.byteOffset);
    expect([answer.getUint32(0), answer.getUint32(4), answer.getUint8(11)]).toEqual([0, 0, 0]);
    expect(response.bytes[108]).toBe(0);

    // TEST UNIT READY of a unit that is not there: sense_len 18, residual 0.
    const other = bench.place64(Bench.request('00 00 00 00 00 00', { lun: '01 00 40 07 00 00 00 00' }));
    descriptor(1, other.iova, 51, 1, 6);
    descriptor(6, response.iova, 108, 2, 0);
    queue.avail.bytes.set(hex('00 00 00 02 00 00 00 01'));
    bench.kick(2);
    expect(answer.getUint32(0)).toBe(18);
  });
});
