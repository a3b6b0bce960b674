/** The numbers and structures of VFIO, compared with the kernel's own headers. */
import { expect, it } from 'vitest';
import * as vfio from '../../../src/duts/vfio/ioctls.js';
import { valuesFromHeaders } from '../../c-values.js';

const fromHeaders = (expressions: readonly string[]) => valuesFromHeaders('linux/vfio.h', expressions);
const NUMBERS = Object.entries(vfio).filter(([name]) => name.startsWith('VFIO_'));
const field = (structure: string, name: string) => `offsetof(struct ${structure}, ${name})`;
const size = (structure: string) => `sizeof(struct ${structure})`;

it('asks by the numbers of the kernel', () => {
  expect(NUMBERS.length).toBeGreaterThan(15);
  const values = fromHeaders(NUMBERS.map(([name]) => `(unsigned)${name}`));
  expect(Object.fromEntries(NUMBERS)).toEqual(
    Object.fromEntries(NUMBERS.map(([name], i) => [name, values[i]])),
  );
});

it('asks by structures of the length that the kernel has', () => {
  const structures = {
    vfio_group_status: vfio.groupStatus(),
    vfio_device_info: vfio.deviceInfo(),
    vfio_region_info: vfio.regionInfo(7),
    vfio_irq_info: vfio.irqInfo(2),
    vfio_irq_set: vfio.irqSet(2, []),
    vfio_iommu_type1_dma_map: vfio.dmaMap({ iova: 0n, size: 0n, userAddress: 0n }),
    vfio_iommu_type1_dma_unmap: vfio.dmaUnmap({ iova: 0n, size: 0n }),
  };
  // That about the device has become longer since.
  const lengths = fromHeaders(
    Object.keys(structures).map((name) =>
      name === 'vfio_device_info' ? `${field(name, 'num_irqs')} + 4` : size(name),
    ),
  );
  expect(Object.values(structures).map((bytes) => bytes.readUInt32LE(0))).toEqual(lengths);
});

it('lays out what it says as the kernel does', () => {
  const [action, events, trigger, none, index, start, count, data] = fromHeaders([
    field('vfio_irq_set', 'flags'),
    'VFIO_IRQ_SET_DATA_EVENTFD',
    'VFIO_IRQ_SET_ACTION_TRIGGER',
    'VFIO_IRQ_SET_DATA_NONE',
    field('vfio_irq_set', 'index'),
    field('vfio_irq_set', 'start'),
    field('vfio_irq_set', 'count'),
    field('vfio_irq_set', 'data'),
  ]).map((value) => value ?? -1) as [number, number, number, number, number, number, number, number];
  const set = vfio.irqSet(2, [40, 41]);
  expect(set.readUInt32LE(0)).toBe(set.length);
  expect([action, index, start, count].map((at) => set.readUInt32LE(at))).toEqual([
    events | trigger,
    2,
    0,
    2,
  ]);
  expect([set.readInt32LE(data), set.readInt32LE(data + 4)]).toEqual([40, 41]);
  expect(vfio.irqSet(0, []).readUInt32LE(action)).toBe(none | trigger);

  const [mapFlags, readWrite, vaddr, iova, length, unmapIova, unmapLength] = fromHeaders([
    field('vfio_iommu_type1_dma_map', 'flags'),
    'VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE',
    field('vfio_iommu_type1_dma_map', 'vaddr'),
    field('vfio_iommu_type1_dma_map', 'iova'),
    field('vfio_iommu_type1_dma_map', 'size'),
    field('vfio_iommu_type1_dma_unmap', 'iova'),
    field('vfio_iommu_type1_dma_unmap', 'size'),
  ]).map((value) => value ?? -1) as [number, number, number, number, number, number, number];
  const region = { iova: 0x1_0000_0000n, size: 0x2000n, userAddress: 0x7f00_0000_1000n };
  const map = vfio.dmaMap(region);
  expect(map.readUInt32LE(mapFlags)).toBe(readWrite);
  expect([vaddr, iova, length].map((at) => map.readBigUInt64LE(at))).toEqual([
    region.userAddress,
    region.iova,
    region.size,
  ]);
  const unmap = vfio.dmaUnmap(region);
  expect([unmapIova, unmapLength].map((at) => unmap.readBigUInt64LE(at))).toEqual([region.iova, region.size]);
});

it('reads what the kernel fills in', () => {
  const [asked, regionSize, regionOffset, kind, irqs] = fromHeaders([
    field('vfio_region_info', 'index'),
    field('vfio_region_info', 'size'),
    field('vfio_region_info', 'offset'),
    field('vfio_irq_info', 'index'),
    field('vfio_irq_info', 'count'),
  ]).map((value) => value ?? -1) as [number, number, number, number, number];
  const region = vfio.regionInfo(4);
  expect(region.readUInt32LE(asked)).toBe(4);
  region.writeBigUInt64LE(0x4000n, regionSize);
  region.writeBigUInt64LE(4n << 40n, regionOffset);
  expect(vfio.regionOf(region)).toEqual({ size: 0x4000, offset: 4 * 2 ** 40 });
  const irq = vfio.irqInfo(2);
  expect(irq.readUInt32LE(kind)).toBe(2);
  irq.writeUInt32LE(5, irqs);
  expect(vfio.irqCount(irq)).toBe(5);
});

/** A struct vfio_iommu_type1_info with capabilities of these ids, the ranges in the one with id 1. */
function infoWith(ids: readonly number[], loop = false): Buffer {
  const bytes = vfio.iommuInfo(24 + 48 * ids.length);
  bytes.writeUInt32LE(2, 4);
  bytes.writeUInt32LE(24, 16);
  for (const [i, id] of ids.entries()) {
    const at = 24 + 48 * i;
    bytes.writeUInt16LE(id, at);
    const last = i === ids.length - 1;
    bytes.writeUInt32LE(last ? (loop ? 24 : 0) : at + 48, at + 4);
    if (id !== 1) continue;
    bytes.writeUInt32LE(2, at + 8);
    for (const [word, value] of [0n, 0xfedf_ffffn, 0xfef0_0000n, 0x7f_ffff_ffffn].entries())
      bytes.writeBigUInt64LE(value, at + 16 + 8 * word);
  }
  return bytes;
}

it('finds the ranges of addresses among the capabilities', () => {
  const ranges = [
    { first: 0n, last: 0xfedf_ffffn },
    { first: 0xfef0_0000n, last: 0x7f_ffff_ffffn },
  ];
  expect(vfio.iovaRanges(infoWith([1]))).toEqual(ranges);
  expect(vfio.iovaRanges(infoWith([2, 3, 1]))).toEqual(ranges);
  expect(vfio.iovaRanges(infoWith([2, 3]))).toBeUndefined();
  expect(vfio.iovaRanges(infoWith([2, 3], true))).toBeUndefined();
  expect(vfio.iovaRanges(vfio.iommuInfo())).toBeUndefined();
});
