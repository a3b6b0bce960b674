import { describe, expect, test } from 'vitest';
import { MmioBench } from './mmio-bench.js';

const ALL_ONES = 0xffffffff;
const RING_RESET = 1n << 40n;

describe('registers of version 2', () => {
  test.each([
    ['MagicValue', 0x000, 0x74726976],
    ['Version', 0x004, 2],
    ['DeviceID', 0x008, 8],
    ['SHMLenLow', 0x0b0, ALL_ONES],
    ['SHMLenHigh', 0x0b4, ALL_ONES],
    ['SHMBaseLow', 0x0b8, ALL_ONES],
    ['SHMBaseHigh', 0x0bc, ALL_ONES],
    ['InterruptStatus', 0x060, 0],
    ['QueueReset', 0x0c0, 0],
  ])('%s', (_name, offset, value) => {
    expect(new MmioBench().mmio(offset)).toBe(value);
  });

  test.each([0x014, 0x020, 0x024, 0x030, 0x038, 0x050, 0x064, 0x080, 0x0ac])(
    'write-only %i reads 0',
    (offset) => {
      const bench = new MmioBench();
      bench.mmio(offset, 1);
      expect(bench.mmio(offset)).toBe(0);
    },
  );

  test('read-only registers take no writes', () => {
    const bench = new MmioBench();
    for (const offset of [0x000, 0x004, 0x008, 0x00c, 0x010, 0x034, 0x060, 0x0fc]) {
      const before = bench.mmio(offset);
      bench.mmio(offset, 0x5a5a5a5a);
      expect(bench.mmio(offset)).toBe(before);
    }
  });

  test.each([
    [0x000, 1],
    [0x000, 2],
    [0x002, 4],
    [0x001, 1],
    [0x070, 1],
  ] as const)('a control register at %i answers no access of %i bytes', (offset, width) => {
    const bench = new MmioBench();
    expect(bench.mmio(offset, undefined, width)).toBe(0);
    bench.mmio(0x70, 1, 1);
    expect(bench.status).toBe(0);
  });

  test('configuration space by every width', () => {
    const bench = new MmioBench();
    expect(bench.mmio(0x114)).toBe(96);
    expect(bench.mmio(0x114, undefined, 2)).toBe(96);
    expect(bench.mmio(0x114, undefined, 1)).toBe(96);
    expect(bench.mmio(0x11e, undefined, 2)).toBe(255);
    bench.mmio(0x114, 40, 1);
    expect(bench.mmio(0x114)).toBe(40);
    expect(bench.mmio(0x124)).toBe(0);
  });

  test('feature windows: 0 and 1 hold the offer, all others 0', () => {
    const bench = new MmioBench();
    expect(bench.offered & (1n << 32n)).toBe(1n << 32n);
    for (const window of [2, 3, 4, ALL_ONES]) {
      bench.mmio(0x14, window);
      expect(bench.mmio(0x10)).toBe(0);
    }
  });

  test('a queue that does not exist has size 0 and takes nothing', () => {
    const bench = new MmioBench();
    for (const index of [4, 1024, 0x10002]) {
      bench.mmio(0x30, index);
      bench.mmio(0x44, 1);
      expect([bench.mmio(0x34), bench.mmio(0x44)]).toEqual([0, 0]);
    }
    bench.mmio(0x30, 2);
    expect([bench.mmio(0x34), bench.mmio(0x44)]).toEqual([256, 0]);
  });
});

describe('operation', () => {
  test('a command, with its interrupt until acknowledged', () => {
    const bench = new MmioBench().start();
    expect(bench.line).toBe(false);
    const reply = bench.ready().command('12 00 00 00 24 00', { dataIn: 36 });
    expect([reply.response, reply.status, reply.residual]).toEqual([0, 0, 0]);
    expect([bench.mmio(0x60), bench.line]).toEqual([1, true]);
    bench.mmio(0x64, 2);
    expect([bench.mmio(0x60), bench.line]).toEqual([1, true]);
    bench.mmio(0x64, 1);
    expect([bench.mmio(0x60), bench.line]).toEqual([0, false]);
  });

  test('a configuration change shows in ConfigGeneration and InterruptStatus', () => {
    const bench = new MmioBench().start();
    const before = bench.mmio(0xfc);
    bench.mmio(0x114, 40);
    // It moves when the driver looks at the configuration.
    bench.mmio(0x114);
    expect(bench.mmio(0xfc)).not.toBe(before);
    // A change by the driver itself is no news.
    expect(bench.mmio(0x60)).toBe(0);
    bench.send(2, [Uint8Array.of(1)], []);
    expect(bench.status & 0x40).toBe(0x40);
    expect(bench.mmio(0x60)).toBe(2);
  });

  test('reset clears interrupts, ready bits and selectors', () => {
    const bench = new MmioBench().start();
    bench.ready();
    bench.mmio(0x14, 1);
    bench.mmio(0x70, 0);
    expect([bench.status, bench.mmio(0x60), bench.line]).toEqual([0, 0, false]);
    expect(bench.mmio(0x10)).toBe(Number(bench.offered & 0xffffffffn));
    for (const index of [0, 1, 2, 3]) {
      bench.mmio(0x30, index);
      expect(bench.mmio(0x44)).toBe(0);
    }
  });

  test('QueueReady 0 stops the queue, and 1 starts it anew', () => {
    const bench = new MmioBench().start();
    bench.ready();
    bench.mmio(0x30, 2);
    bench.mmio(0x44, 0);
    expect(bench.mmio(0x44)).toBe(0);
    const sent = bench.send(2, [MmioBench.request('00 00 00 00 00 00')], [108]);
    expect(sent.used()).toBeUndefined();
    bench.setUpQueue(2);
    expect(bench.command('00 00 00 00 00 00').response).toBe(0);
  });

  test('addresses and size of a queue in use stay', () => {
    const bench = new MmioBench().start();
    bench.mmio(0x30, 2);
    bench.mmio(0x38, 8);
    bench.mmio(0x80, 0);
    bench.ready();
    expect(bench.command('00 00 00 00 00 00').response).toBe(0);
  });

  test('QueueReset resets the queue when negotiated', () => {
    const bench = new MmioBench().start(RING_RESET);
    bench.ready();
    bench.mmio(0x30, 2);
    bench.mmio(0xc0, 1);
    expect([bench.mmio(0xc0), bench.mmio(0x44)]).toEqual([0, 0]);
    bench.setUpQueue(2);
    expect(bench.command('00 00 00 00 00 00').response).toBe(0);
  });

  test('QueueReset does nothing without the feature', () => {
    const bench = new MmioBench().start();
    bench.mmio(0x30, 2);
    bench.mmio(0xc0, 1);
    expect(bench.mmio(0x44)).toBe(1);
  });
});
