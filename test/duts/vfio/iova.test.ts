import { expect, it } from 'vitest';
import { placed } from '../../../src/duts/vfio/iova.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const LOW = { base: 16 * MIB, size: 64 * MIB, fileOffset: 0 };
const HIGH = { base: 4 * GIB + 16 * MIB, size: 64 * MIB, fileOffset: 64 * MIB };
const range = (first: number, last: number) => ({ first: BigInt(first), last: BigInt(last) });

it('leaves a region where it wants to be, if it can', () => {
  expect(placed(LOW, undefined)).toEqual(LOW);
  const usual = [range(0, 0xfedf_ffff), range(0xfef0_0000, 2 ** 39 - 1)];
  expect(placed(LOW, usual)).toEqual(LOW);
  expect(placed(HIGH, usual)).toEqual(HIGH);
  expect(placed(HIGH, [...usual].reverse())).toEqual(HIGH);
});

it('moves it up into the first range with room, in any case to a multiple of 2 MiB', () => {
  expect(placed(LOW, [range(0, 32 * MIB - 1), range(GIB + 4096, 2 * GIB)])).toEqual({
    ...LOW,
    base: GIB + 2 * MIB,
  });
  expect(placed(HIGH, [range(0, 8 * GIB)])).toEqual(HIGH);
});

it('fills a range to its last byte', () => {
  const exact = range(LOW.base, LOW.base + LOW.size - 1);
  expect(placed(LOW, [exact])).toEqual(LOW);
  expect(placed(LOW, [{ ...exact, last: exact.last - 1n }])).toBeUndefined();
});

it('has no place for low memory above 4 GiB, nor for high memory below it', () => {
  expect(placed(LOW, [range(4 * GIB, 2 ** 39)])).toBeUndefined();
  expect(placed(HIGH, [range(0, 4 * GIB - 1)])).toBeUndefined();
});
