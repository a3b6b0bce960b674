import { describe, expect, test } from 'vitest';
import { Bench } from '../bench.js';
import { LegacyPciBench } from './legacy-bench.js';

describe('a transitional function', () => {
  test.each([
    ['device', 0x02, 2, 0x1004],
    ['revision', 0x08, 1, 0],
    ['subsystem', 0x2e, 2, 8],
    ['BAR 0 is in I/O space', 0x10, 1, 1],
  ] as const)('%s', (_name, offset, width, value) => {
    expect(new LegacyPciBench().cfg(offset, width)).toBe(value);
  });

  test('BAR 0 tells its size and needs I/O decoding', () => {
    const bench = new LegacyPciBench();
    bench.io(18, 1, 1);
    bench.cfg(0x04, 2, 0x0006);
    expect(bench.io(18, 1)).toBe(0xff);
    bench.cfg(0x04, 2, 0x0007);
    expect(bench.io(18, 1)).toBe(1);
    bench.cfg(0x10, 4, 0xffffffff);
    expect(bench.cfg(0x10, 4)).toBe(0xffffffc1);
  });

  test('the modern interface works as well', () => {
    const bench = new LegacyPciBench();
    Bench.prototype.negotiate.call(bench, 1n << 32n);
    expect(bench.status).toBe(0x0b);
    for (const index of [0, 1, 2, 3]) Bench.prototype.setUpQueue.call(bench, index, 16);
    bench.common(20, 1, 0x0f);
    bench.kick = Bench.prototype.kick;
    expect(bench.ready().command('00 00 00 00 00 00').status).toBe(0);
  });

  test('the legacy bits are not offered by the modern interface', () => {
    const bench = new LegacyPciBench();
    expect(bench.offered & ((1n << 24n) | (1n << 27n))).toBe(0n);
    expect(bench.io(0, 4) & ((1 << 24) | (1 << 27) | (1 << 30))).toBe((1 << 24) | (1 << 27));
  });

  test('acknowledging by the legacy register takes VERSION_1 back', () => {
    const bench = new LegacyPciBench();
    bench.common(8, 4, 1);
    bench.common(12, 4, 1);
    bench.io(4, 4, 0);
    bench.common(8, 4, 1);
    expect(bench.common(12, 4)).toBe(0);
  });
});

describe('registers', () => {
  test('features: only what is offered is taken', () => {
    const bench = new LegacyPciBench();
    bench.io(4, 4, 0xffffffff);
    expect(bench.io(4, 4)).toBe(bench.io(0, 4));
  });

  test('a queue that does not exist has size 0', () => {
    const bench = new LegacyPciBench();
    for (const index of [4, 1024, 0xffff]) {
      bench.io(14, 2, index);
      bench.io(8, 4, 1);
      expect([bench.io(12, 2), bench.io(8, 4)]).toEqual([0, 0]);
    }
  });

  test('the size of a queue is not the driver’s', () => {
    const bench = new LegacyPciBench();
    bench.io(12, 2, 8);
    expect(bench.io(12, 2)).toBe(256);
  });

  test('device configuration moves with MSI-X and reads the same by any width', () => {
    const bench = new LegacyPciBench();
    for (const [on, at] of [
      [false, 20],
      [true, 24],
      [false, 20],
    ] as const) {
      bench.msix(on);
      expect(bench.io(at + 20, 4)).toBe(96);
      expect([0, 1, 2, 3].map((byte) => bench.io(at + 20 + byte, 1))).toEqual([96, 0, 0, 0]);
      expect(bench.io(at + 30, 2)).toBe(255);
      expect(bench.io(at + 29, 2)).toBe(0xff00);
    }
  });

  test('vectors: one that is not there reads back as NO_VECTOR', () => {
    const bench = new LegacyPciBench();
    bench.msix(true);
    bench.io(14, 2, 2);
    for (const offset of [20, 22]) {
      expect(bench.io(offset, 2)).toBe(0xffff);
      bench.io(offset, 2, 7);
      expect(bench.io(offset, 2)).toBe(7);
      bench.io(offset, 2, 8);
      expect(bench.io(offset, 2)).toBe(0xffff);
    }
  });

  test('a write beside ISR does not clear it', () => {
    const bench = new LegacyPciBench().start();
    bench.ready();
    bench.io(18, 1, 7);
    expect(bench.io(19, 1)).toBe(1);
    expect(bench.io(19, 1)).toBe(0);
  });
});

describe('operation', () => {
  test('before DRIVER_OK, before features, with ISR and INTx', () => {
    const bench = new LegacyPciBench();
    bench.io(20 + 20, 4, 40);
    bench.io(20 + 20, 4, 96);
    bench.setUpQueue(2);
    expect(bench.ready().command('00 00 00 00 00 00').status).toBe(0);
    expect([bench.line, bench.cfg(0x06, 2) & 8]).toEqual([true, 8]);
    bench.cfg(0x04, 2, 0x0407);
    expect([bench.line, bench.cfg(0x06, 2) & 8]).toEqual([false, 8]);
    bench.cfg(0x04, 2, 0x0007);
    expect(bench.io(19, 1)).toBe(1);
    expect([bench.line, bench.cfg(0x06, 2) & 8]).toEqual([false, 0]);
  });

  test('queue address reads back; 0 takes the queue out of use', () => {
    const bench = new LegacyPciBench().start();
    bench.io(14, 2, 2);
    expect(bench.io(8, 4)).toBe(Number(bench.queue(2).desc.iova / 4096n));
    bench.io(8, 4, 0);
    expect(bench.send(2, [Bench.request('00 00 00 00 00 00')], [108]).used()).toBeUndefined();
  });

  test('queue interrupts by MSI-X', () => {
    const bench = new LegacyPciBench().start();
    const cell = bench.alloc(4, 4);
    for (const [offset, value] of [
      [0, Number(cell.iova & 0xffffffffn)],
      [4, Number(cell.iova >> 32n)],
      [8, 0x1234],
      [12, 0],
    ] as const)
      bench.msixTable(16 + offset, value);
    bench.msix(true);
    bench.io(14, 2, 2);
    bench.io(22, 2, 1);
    bench.ready();
    expect(new DataView(cell.bytes.buffer, cell.bytes.byteOffset).getUint32(0, true)).toBe(0x1234);
    expect([bench.io(19, 1), bench.line]).toEqual([0, false]);
  });

  test('NOTIFY_ON_EMPTY overrides suppression', () => {
    for (const features of [0n, 1n << 24n]) {
      const bench = new LegacyPciBench().start(features);
      bench.queue(2).availView.setUint16(0, 1, true);
      bench.ready();
      expect(bench.line).toBe(features !== 0n);
    }
  });
});
