/** Where blocks are placed. What is in them is tested on a real QEMU. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GuestMemory, type GuestRegion } from '../../src/duts/guest-memory.js';

const HIGH: GuestRegion = { base: 0x1_0000_0000, size: 0x10000, fileOffset: 0x20000 };
const LOW: GuestRegion = { base: 0x10_0000, size: 0x8000, fileOffset: 0x1000 };

function space() {
  const memory = new Map<GuestRegion, Uint8Array>();
  const dma = GuestMemory.mapped([HIGH, LOW], (region) => {
    const bytes = new Uint8Array(region.size).fill(0xee);
    memory.set(region, bytes);
    return { bytes, discard() {} };
  });
  return { dma, memory };
}

it('fills the first region, then the next', () => {
  const { dma } = space();
  expect(dma.alloc(0xf000).iova).toBe(0x1_0000_0000n);
  expect(dma.alloc(0x2000).iova).toBe(0x10_0000n);
  expect(dma.alloc(0x1000).iova).toBe(0x1_0000_f000n);
  expect(() => dma.alloc(0x6001)).toThrow(/No room for 24577 bytes aligned to 1: 0 and 24576 bytes are left/);
});

it('keeps below maxIova, which is exclusive', () => {
  const { dma } = space();
  expect(dma.alloc(1, { maxIova: 0xffff_ffffn }).iova).toBe(0x10_0000n);
  expect(dma.alloc(0x10, { maxIova: 0x10_0011n }).iova).toBe(0x10_0001n);
  expect(() => dma.alloc(1, { maxIova: 0x10_0011n })).toThrow(/below 0x100011/);
  expect(dma.alloc(0x10, { maxIova: 0x1_0000_0010n }).iova).toBe(0x1_0000_0000n);
});

it('gives views of the region, zeroed', () => {
  const { dma, memory } = space();
  const mark = dma.mark();
  dma.alloc(3);
  const block = dma.alloc(4, { align: 8 });
  block.view.set([1, 2, 3, 4]);
  expect([...(memory.get(HIGH)?.subarray(6, 13) ?? [])]).toEqual([0xee, 0xee, 1, 2, 3, 4, 0xee]);
  dma.release(mark);
  expect([...dma.alloc(12).view]).toEqual(Array.from({ length: 12 }, () => 0));
});

it('refuses what makes no sense', () => {
  const { dma } = space();
  for (const size of [-1, 1.5, Number.NaN]) expect(() => dma.alloc(size)).toThrow(RangeError);
  for (const align of [0, 3, -4, 1.5]) expect(() => dma.alloc(1, { align })).toThrow(RangeError);
  const empty = dma.mark();
  dma.alloc(1);
  const newer = dma.mark();
  dma.release(empty);
  expect(() => dma.release(newer)).toThrow(RangeError);
});

describe('any row of allocations', () => {
  const request = fc.record({
    size: fc.integer({ min: 1, max: 0x3000 }),
    align: fc.integer({ min: 0, max: 13 }).map((bits) => 2 ** bits),
    low: fc.boolean(),
  });

  it('is aligned, within a region, without overlaps, and the same again after a release', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
        const { dma } = space();
        const fill = () => {
          const blocks: { start: bigint; end: bigint }[] = [];
          for (const { size, align, low } of requests) {
            try {
              const { iova, view } = dma.alloc(size, { align, ...(low && { maxIova: 1n << 32n }) });
              const end = iova + BigInt(size);
              expect(view.length).toBe(size);
              expect(iova % BigInt(align)).toBe(0n);
              const home = [HIGH, LOW].find(
                ({ base, size: room }) => iova >= BigInt(base) && end <= BigInt(base + room),
              );
              expect(home).toBeDefined();
              if (low) expect(home).toBe(LOW);
              for (const other of blocks) expect(end <= other.start || iova >= other.end).toBe(true);
              blocks.push({ start: iova, end });
            } catch (error) {
              expect(error).toMatchObject({ code: 'DMA_EXHAUSTED' });
            }
          }
          return blocks;
        };
        const mark = dma.mark();
        const first = fill();
        dma.release(mark);
        expect(fill()).toEqual(first);
      }),
      { numRuns: 200 },
    );
  });
});
