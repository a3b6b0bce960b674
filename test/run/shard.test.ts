import { expect, test } from 'vitest';
import { ownCases } from '../../src/run/load-cases.js';
import { isInShard } from '../../src/run/shard.js';

const ids = ownCases().files.flatMap(({ cases }) => cases.map(({ id }) => id));
const partsOf = (id: string, count: number) =>
  Array.from({ length: count }, (_, at) => at + 1).filter((index) => isInShard(id, { index, count }));

test.each([1, 2, 3, 4, 7, 16])(
  'every case is in just one of %i parts, and none of them is much larger',
  (count) => {
    for (const id of ids) expect(partsOf(id, count)).toHaveLength(1);
    const sizes = Array.from(
      { length: count },
      (_, at) => ids.filter((id) => isInShard(id, { index: at + 1, count })).length,
    );
    const even = ids.length / count;
    for (const size of sizes) expect(Math.abs(size - even)).toBeLessThan(0.4 * even + 5);
  },
);

test('which part that is stays so for good', () => {
  expect(partsOf('scsi.req.simple', 4)).toEqual([4]);
  expect(partsOf('spc.inquiry[lun 1]', 4)).toEqual([3]);
});
