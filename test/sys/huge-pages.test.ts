import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HUGE_PAGE, HugePages } from '../../src/sys/huge-pages.js';
import { LibcError } from '../../src/sys/native.js';

const free = (): number => {
  try {
    return Number(readFileSync('/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages', 'latin1'));
  } catch {
    return 0;
  }
};
/** Machines have them only where somebody set them aside; the lab does, in which this is carried out on real devices. */
const SOME = 4;

test.skipIf(free() < SOME)('pages are taken, have addresses if the kernel tells, and are given back', () => {
  const before = free();
  for (let round = 0; round < 3; round++) {
    const pages = new HugePages(SOME);
    expect(free()).toBe(before - SOME);
    const ranges = pages.ranges();
    if (process.geteuid?.() === 0 && ranges !== undefined) {
      expect(ranges.reduce((sum, { size }) => sum + size, 0)).toBe(SOME * HUGE_PAGE);
      for (const { base } of ranges) expect(base % BigInt(HUGE_PAGE)).toBe(0n);
    }
    pages.close();
    expect(free()).toBe(before);
  }
});

test('more than there are is refused', () => {
  expect(() => new HugePages(free() + 1_000_000)).toThrow(LibcError);
});
