import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  fullAddress,
  groupNeighbours,
  hostFunction,
  idsOf,
  virtioScsiFunctions,
} from '../../../src/duts/pci-function/host-function.js';
import { makeFunctions } from './sysfs.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vscsi-sysfs-'));
});
afterEach(() => rmSync(root, { recursive: true }));

it.each([
  ['0000:01:00.0', '0000:01:00.0'],
  ['41:1F.7', '0000:41:1f.7'],
  ['10000:01:00.0', '10000:01:00.0'],
  ['01:00', undefined],
  ['01:20.0', undefined],
  ['01:00.8', undefined],
  ['../../01:00.0', undefined],
])('reads the address %s', (text, address) => {
  expect(fullAddress(text)).toBe(address);
});

it('tells what sysfs says of a function', () => {
  const devices = makeFunctions(root, { '0000:01:00.0': { driver: 'virtio-pci', group: '7' } });
  const found = hostFunction('0000:01:00.0', devices);
  expect(found).toMatchObject({ driver: 'virtio-pci', group: '7', subsystem: [0x1af4, 0x1100], revision: 1 });
  expect(found && idsOf(found)).toBe('1af4:1048');
  expect(hostFunction('0000:02:00.0', devices)).toBeUndefined();
});

it('finds virtio-scsi functions, modern and transitional, with and without a driver', () => {
  const devices = makeFunctions(root, {
    '0000:01:00.0': {},
    '0000:02:00.0': { device: 0x1004, driver: 'vfio-pci' },
    '0000:03:00.0': { device: 0x1042 },
    '0000:04:00.0': { vendor: 0x8086 },
  });
  expect(
    virtioScsiFunctions(devices)
      .map(({ address }) => address)
      .sort(),
  ).toEqual(['0000:01:00.0', '0000:02:00.0']);
  expect(virtioScsiFunctions(join(root, 'none'))).toEqual([]);
});

it('names the others of a group', () => {
  const devices = makeFunctions(root, {
    '0000:01:00.0': { group: '7' },
    '0000:01:00.1': { group: '7', driver: 'ahci' },
    '0000:02:00.0': { group: '8' },
  });
  const found = hostFunction('0000:01:00.0', devices);
  expect(found && groupNeighbours(found).map(({ address, driver }) => [address, driver])).toEqual([
    ['0000:01:00.1', 'ahci'],
  ]);
});
