import { expect, it } from 'vitest';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import { benchDevice } from '../../src/run/bench-device.js';

it('measures every kind of transaction, and the cases only where they are asked for', async () => {
  const extent = { blocks: 5, transactionsPerBlock: 2, seed: 1 };
  const bare = await benchDevice(modelAdapter({ seed: 1 }), [], { ...extent, cases: false });
  expect(bare.dut.name).toBe('model');
  expect(bare.rows.map(({ name, blocks }) => [name, blocks])).toEqual([
    ['TEST UNIT READY', 5],
    ['INQUIRY, 36 bytes', 5],
    ['READ(10), 8 blocks', 5],
  ]);
  expect(bare.rows.every(({ harness, raw }) => harness > 0 && raw > 0)).toBe(true);
  expect(bare.cases).toBeUndefined();
  const all = await benchDevice(modelAdapter({ seed: 1 }), [], { ...extent, cases: true });
  expect(all.cases).toMatchObject({ cases: 0, rounds: 5 });
});
