import { expect, it } from 'vitest';
import { legacyAreas } from '../../src/harness/legacy-areas.js';
import { Poison } from '../../src/harness/poison.js';
import { FakeMemory } from './fake-device.js';

const SIZE = 16;
/** 16 descriptors of 16 bytes, and an available ring of 6 + 2 * 16 bytes. */
const BEFORE_USED = 16 * 16 + 6 + 2 * 16;

it.each([
  [4096, 4096, 4096],
  [1024, 64, 320],
  [4096, 8192, 8192],
])('puts the parts into one block: pages of %i, alignment %i', (page, align, used) => {
  const { desc, driver, device } = legacyAreas(new AlignedMemory(), new Poison(1), SIZE, { page, align });
  expect(desc.iova % BigInt(page)).toBe(0n);
  expect(driver.iova - desc.iova).toBe(256n);
  expect(device.iova - desc.iova).toBe(BigInt(used));
  expect(used).toBeGreaterThanOrEqual(BEFORE_USED);
});

it('guards the padding and what is beside the block', () => {
  const memory = new AlignedMemory();
  const areas = legacyAreas(memory, new Poison(1), SIZE, { page: 4096, align: 4096 });
  const parts = [areas.desc, areas.driver, areas.device];
  const broken = () => parts.map((part) => part.brokenGuard());
  expect(broken()).toEqual([undefined, undefined, undefined]);
  const start = memory.at(areas.desc.iova);
  const flip = (at: number) => {
    memory.bytes[at] = (memory.bytes[at] ?? 0) ^ 0xff;
  };
  flip(start - 1);
  flip(start + BEFORE_USED);
  flip(start + 2 * 4096);
  expect(broken()).toEqual([-1, 38, 4096]);
});

/** The fake memory of other tests begins at no page. */
class AlignedMemory extends FakeMemory {
  override readonly base = 0x7_1234_0000n;
}
