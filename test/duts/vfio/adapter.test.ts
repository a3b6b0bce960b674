import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockObstacles, vfioAdapter, vfioObstacles } from '../../../src/duts/vfio/adapter.js';
import { makeFunctions } from '../pci-function/sysfs.js';

const ADDRESS = '0000:01:00.0';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vscsi-vfio-'));
});
afterEach(() => rmSync(root, { recursive: true }));
const first = (functions: Parameters<typeof makeFunctions>[1], address: string | undefined = ADDRESS) =>
  vfioObstacles(address === undefined ? {} : { address }, makeFunctions(root, functions))[0];

it('offers the functions that could be meant', () => {
  const functions = { [ADDRESS]: { driver: 'virtio-pci', group: '1' }, '0000:02:00.0': {} };
  const devices = makeFunctions(root, functions);
  const remedy = /0000:01:00\.0 \(driver virtio-pci\), 0000:02:00\.0 \(no driver\)/;
  for (const [address, what] of [
    [undefined, 'no PCI function is named'],
    ['somewhere', 'somewhere is no PCI address'],
    ['09:00.0', 'this machine has no PCI function 0000:09:00.0'],
  ] as const) {
    const [obstacle] = vfioObstacles(address === undefined ? {} : { address }, devices);
    expect(obstacle?.what).toBe(what);
    expect(obstacle?.remedy).toMatch(remedy);
  }
});

it('asks for an IOMMU', () => {
  expect(first({ [ADDRESS]: { driver: 'vfio-pci' } })).toMatchObject({
    what: expect.stringContaining('no IOMMU stands before 0000:01:00.0'),
    remedy: expect.stringContaining('intel_iommu=on'),
  });
});

it('says how a function is bound, from whatever has it', () => {
  expect(first({ [ADDRESS]: { driver: 'virtio-pci', group: '3' } })).toEqual({
    what: '0000:01:00.0 has the driver virtio-pci, it has to be bound to vfio-pci',
    remedy:
      'modprobe vfio-pci && echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override && echo 0000:01:00.0 > /sys/bus/pci/devices/0000:01:00.0/driver/unbind && echo 0000:01:00.0 > /sys/bus/pci/drivers_probe',
  });
});

it('does not ask to unbind what no driver has', () => {
  const found = first({ [ADDRESS]: { group: '3' } });
  expect(found?.what).toMatch(/has no driver/);
  expect(found?.remedy).not.toMatch(/unbind/);
});

it('names the others of a group that are in the way, and only those', () => {
  const found = first({
    [ADDRESS]: { driver: 'vfio-pci', group: '3' },
    '0000:01:00.1': { driver: 'ahci', group: '3' },
    '0000:01:00.2': { driver: 'vfio-pci', group: '3' },
    '0000:01:00.3': { group: '3' },
    '0000:00:01.0': { driver: 'pcieport', group: '3' },
  });
  expect(found?.what).toMatch(/cannot tell 0000:01:00\.0 from 0000:01:00\.1 \(ahci\): group 3/);
  expect(found?.remedy).toMatch(/0000:01:00\.1\/driver\/unbind/);
  expect(found?.remedy).not.toMatch(/01:00\.[23]|00:01\.0/);
});

it('does not have another kind of function bound', () => {
  const found = first({ [ADDRESS]: { vendor: 0x8086, device: 0x2922, driver: 'ahci', group: '3' } });
  expect(found?.what).toBe(
    '0000:01:00.0 is no virtio-scsi function: it is 8086:2922, not 1af4:1048 or 1af4:1004',
  );
  expect(found?.remedy).not.toMatch(/vfio-pci/);
});

it('needs to lock its memory, unless it is root', () => {
  const limits = (bytes: number | string) =>
    `Max processes  1 1 processes\nMax locked memory         ${bytes}      ${bytes}     bytes\n`;
  expect(lockObstacles(limits(65_536), false)).toEqual([
    {
      what: 'this process may lock 65536 bytes of memory, the device gets 134217728',
      remedy: 'ulimit -l 131072, or become root',
    },
  ]);
  expect(lockObstacles(limits(65_536), true)).toEqual([]);
  expect(lockObstacles(limits(134_217_728), false)).toEqual([]);
  expect(lockObstacles(limits('unlimited'), false)).toEqual([]);
});

it('misses the files of VFIO', () => {
  // No group of a real machine is called so.
  const found = first({ [ADDRESS]: { driver: 'vfio-pci', group: 'none-such' } });
  expect(found?.what).toMatch(/there is no \/dev\/vfio\//);
  expect(found?.remedy).toBe('modprobe vfio-pci');
});

it('has the lab stand in only for a function that nobody named', () => {
  expect(vfioAdapter({}).lab?.modules.join()).toMatch(/vfio_pci ids=1af4:1048/);
  expect(vfioAdapter({ address: ADDRESS }).lab).toBeUndefined();
});

it('does not start without its function', async () => {
  await expect(vfioAdapter({ address: 'ffff:ff:1f.7' }).start()).rejects.toThrow(/has no PCI function/);
});
