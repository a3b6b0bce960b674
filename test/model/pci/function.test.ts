import { describe, expect, test } from 'vitest';
import { Bench } from '../bench.js';

describe('configuration space', () => {
  test.each([
    ['vendor', 0x00, 2, 0x1af4],
    ['device', 0x02, 2, 0x1048],
    ['revision', 0x08, 1, 1],
    ['class', 0x0b, 1, 1],
    ['header type', 0x0e, 1, 0],
    ['subsystem', 0x2e, 2, 0x40],
  ] as const)('%s', (_name, offset, width, value) => {
    expect(new Bench().cfg(offset, width)).toBe(value);
  });

  test('BARs tell their sizes', () => {
    const bench = new Bench();
    bench.cfg(0x10, 4, 0xffffffff);
    bench.cfg(0x20, 4, 0xffffffff);
    bench.cfg(0x24, 4, 0xffffffff);
    expect(bench.cfg(0x10, 4)).toBe(0xffff0000);
    expect(bench.cfg(0x20, 4)).toBe(0xffff8004);
    expect(bench.cfg(0x24, 4)).toBe(0xffffffff);
    expect(bench.cfg(0x14, 4)).toBe(0);
  });

  test('no memory access without memory enable', () => {
    const bench = new Bench();
    bench.cfg(0x04, 2, 0x0004);
    expect(bench.common(20, 1)).toBe(0xff);
    bench.common(20, 1, 1);
    bench.cfg(0x04, 2, 0x0006);
    expect(bench.common(20, 1)).toBe(0);
  });

  test('every capability a driver needs, with its alignment', () => {
    const bench = new Bench();
    expect([...bench.caps.keys()].sort()).toEqual([1, 2, 3, 4, 5, 9]);
    expect((bench.caps.get(1)?.offset ?? 1) % 4).toBe(0);
    expect((bench.caps.get(4)?.offset ?? 1) % 4).toBe(0);
    expect(bench.caps.get(4)?.length).toBe(36);
    expect(bench.multiplier).toBe(4);
  });

  test('the access window reads and writes BARs at each width', () => {
    const bench = new Bench();
    const at = bench.caps.get(5)?.at ?? 0;
    const device = bench.caps.get(4)?.offset ?? 0;
    for (const width of [1, 2, 4] as const) {
      bench.cfg(at + 4, 1, 4);
      bench.cfg(at + 12, 4, width);
      bench.cfg(at + 8, 4, device + 20);
      expect(bench.cfg(at + 16, width)).toBe(96);
      bench.cfg(at + 16, width, 40 + width);
      expect(bench.reg(4, 20, 4)).toBe(40 + width);
      bench.reg(4, 20, 4, 96);
    }
  });
});

describe('common configuration', () => {
  test('halves of a 64-bit register are independent', () => {
    const bench = new Bench();
    bench.common(22, 2, 2);
    bench.common(36, 4, 0x89abc000);
    bench.common(32, 4, 0x01234000);
    expect([bench.common(32, 4), bench.common(36, 4)]).toEqual([0x01234000, 0x89abc000]);
  });

  test.each([4, 1023, 0x7fff, 0xffff])('queue %i does not exist', (index) => {
    const bench = new Bench();
    bench.common(22, 2, 2);
    expect(bench.common(24, 2)).toBe(256);
    bench.common(22, 2, index);
    expect(bench.common(24, 2)).toBe(0);
    expect(bench.common(26, 2)).toBe(0xffff);
  });

  test.each([0, 3, 512, 257])('queue size %i is not taken', (size) => {
    const bench = new Bench();
    bench.common(24, 2, size);
    expect(bench.common(24, 2)).toBe(256);
  });

  test('feature windows: 0 and 1 hold the offer, all others 0', () => {
    const bench = new Bench();
    const bits = [0, 1, 2, 3, 28, 29, 32, 33, 34, 35, 36, 38, 39, 40, 43];
    expect(bench.offered).toBe(bits.reduce((set, bit) => set | (1n << BigInt(bit)), 0n));
    for (const window of [2, 3, 4, 0x7fffffff, 0xffffffff]) {
      bench.common(0, 4, window);
      expect(bench.common(4, 4)).toBe(0);
    }
  });

  test.each([
    ['without VERSION_1', 1n << 29n, 0x03],
    ['with a bit that was not offered', (1n << 32n) | (1n << 4n), 0x03],
    ['VERSION_1 alone', 1n << 32n, 0x0b],
  ])('FEATURES_OK %s', (_name, features, status) => {
    const bench = new Bench();
    bench.negotiate(features);
    expect(bench.status).toBe(status);
  });

  test('features of a far window are refused', () => {
    const bench = new Bench();
    bench.common(20, 1, 3);
    bench.common(8, 4, 1);
    bench.common(12, 4, 1);
    bench.common(8, 4, 0x10000000);
    bench.common(12, 4, 2);
    bench.common(20, 1, 0x0b);
    expect(bench.status).toBe(3);
  });

  test('reset sets everything back', () => {
    const bench = new Bench().start();
    bench.common(16, 2, 1);
    bench.common(22, 2, 3);
    bench.common(20, 1, 0);
    expect(bench.status).toBe(0);
    expect(bench.common(16, 2)).toBe(0xffff);
    for (const index of [0, 1, 2, 3]) {
      bench.common(22, 2, index);
      expect([24, 26, 28, 32, 40, 48].map((offset) => bench.common(offset, 2))).toEqual([
        256, 0xffff, 0, 0, 0, 0,
      ]);
    }
    bench.common(8, 4, 1);
    expect(bench.common(12, 4)).toBe(0);
  });

  test('kick addresses differ and lie inside the structure', () => {
    const bench = new Bench();
    const offsets = [0, 1, 2, 3].map((index) => {
      bench.common(22, 2, index);
      return bench.common(30, 2) * bench.multiplier;
    });
    expect(new Set(offsets).size).toBe(4);
    expect(Math.max(...offsets) + 4).toBeLessThanOrEqual(bench.caps.get(2)?.length ?? 0);
  });

  test('config_generation moves with a driver-made change', () => {
    const bench = new Bench();
    const before = bench.common(21, 1);
    bench.reg(4, 24, 4, 16);
    // It moves when the driver looks at the configuration.
    bench.reg(4, 24, 4);
    expect(bench.common(21, 1)).not.toBe(before);
  });
});

/** A device with MSI-X on, vector `n` aimed at a cell of its own. */
function withMsix(): { bench: Bench; cells: DataView[] } {
  const bench = new Bench();
  const cells = [0, 1, 2].map((vector) => {
    const cell = bench.alloc(4, 4);
    bench.msixTable(16 * vector, Number(cell.iova & 0xffffffffn));
    bench.msixTable(16 * vector + 4, Number(cell.iova >> 32n));
    bench.msixTable(16 * vector + 8, 0xcafe0000 + vector);
    bench.msixTable(16 * vector + 12, 0);
    return new DataView(cell.bytes.buffer, cell.bytes.byteOffset, 4);
  });
  bench.cfg(bench.msixAt + 2, 2, 0x8000);
  bench.negotiate(1n << 32n);
  for (const index of [0, 1, 2, 3]) bench.setUpQueue(index, 16, index === 2 ? 1 : index === 3 ? 2 : 0xffff);
  bench.common(16, 2, 0);
  bench.common(20, 1, 0x0f);
  return { bench, cells };
}
const values = (cells: readonly DataView[]) => cells.map((cell) => cell.getUint32(0, true));

describe('interrupts', () => {
  test('a used buffer sends the message of its queue, and no other', () => {
    const { bench, cells } = withMsix();
    bench.command('12 00 00 00 24 00', { dataIn: 36 });
    expect(values(cells)).toEqual([0, 0xcafe0001, 0]);
    bench.command('12 00 00 00 24 00', { dataIn: 36, queue: 3 });
    expect(values(cells)).toEqual([0, 0xcafe0001, 0xcafe0002]);
  });

  test.each([
    ['vector mask', (b: Bench, on: boolean) => b.msixTable(16 + 12, on ? 1 : 0)],
    ['function mask', (b: Bench, on: boolean) => b.cfg(b.msixAt + 2, 2, on ? 0xc000 : 0x8000)],
  ])('%s keeps it pending', (_name, mask) => {
    const { bench, cells } = withMsix();
    mask(bench, true);
    bench.command('12 00 00 00 24 00', { dataIn: 36 });
    expect([values(cells)[1], bench.pendingBits()]).toEqual([0, 2]);
    mask(bench, false);
    expect([values(cells)[1], bench.pendingBits()]).toEqual([0xcafe0001, 0]);
  });

  test('reset drops what is pending', () => {
    const { bench, cells } = withMsix();
    bench.msixTable(16 + 12, 1);
    bench.command('12 00 00 00 24 00', { dataIn: 36 });
    bench.common(20, 1, 0);
    bench.msixTable(16 + 12, 0);
    expect(values(cells)).toEqual([0, 0, 0]);
  });

  test('without MSI-X: ISR bit 0, and the line in PCI status until ISR is read', () => {
    const bench = new Bench().start();
    bench.command('12 00 00 00 24 00', { dataIn: 36 });
    expect(bench.cfg(6, 2) & 8).toBe(8);
    expect([bench.reg(3, 0, 1), bench.reg(3, 0, 1)]).toEqual([1, 0]);
    expect(bench.cfg(6, 2) & 8).toBe(0);
  });

  test('DEVICE_NEEDS_RESET comes with a configuration interrupt', () => {
    const { bench, cells } = withMsix();
    bench.queue(2).publish(999);
    bench.kick(2);
    expect(bench.status).toBe(0x4f);
    expect(values(cells)).toEqual([0xcafe0000, 0, 0]);
    expect(bench.reg(3, 0, 1)).toBe(2);
  });

  test('vectors read back, beyond the table as none', () => {
    const bench = new Bench();
    bench.common(16, 2, 7);
    expect(bench.common(16, 2)).toBe(7);
    bench.common(16, 2, 8);
    expect(bench.common(16, 2)).toBe(0xffff);
  });
});

test('no DMA without bus mastering; it is made up for afterwards', () => {
  const bench = new Bench().start();
  bench.cfg(0x04, 2, 0x0002);
  const sent = bench.send(2, [Bench.request('12 00 00 00 24 00')], [108 + 36]);
  expect(sent.used()).toBeUndefined();
  bench.cfg(0x04, 2, 0x0006);
  expect(sent.used()).toBe(144);
});

test('a kick counts only with the right index at the right address', () => {
  const bench = new Bench().start();
  const sent = bench.send(2, [Bench.request('12 00 00 00 24 00')], [108 + 36], { kick: false });
  bench.common(22, 2, 2);
  const offset = bench.common(30, 2) * bench.multiplier;
  bench.reg(2, offset, 2, 3);
  bench.reg(2, offset, 2, 0xffff);
  bench.reg(2, 0, 2, 2);
  expect(sent.used()).toBeUndefined();
  bench.reg(2, offset, 2, 2);
  expect(sent.used()).toBe(144);
});

test('seeds decide the addresses, which are no offsets', () => {
  const bases = [1, 2, 3].map((seed) => new Bench({ seed }).model.memory.regions.map(({ iova }) => iova));
  expect(new Set(bases.flat()).size).toBe(6);
  for (const [low, high] of bases) {
    expect((low ?? 0n) >= 0x80000n && (low ?? 0n) < 1n << 32n).toBe(true);
    expect((high ?? 0n) > 1n << 32n).toBe(true);
    expect(((low ?? 1n) | (high ?? 1n)) % 4096n).toBe(0n);
  }
});
