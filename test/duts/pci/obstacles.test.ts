import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pciAdapter } from '../../../src/duts/pci/adapter.js';
import { PAGES, pciMachineObstacles, pciObstacles } from '../../../src/duts/pci/obstacles.js';
import { type MadeFunction, makeFunctions } from '../pci-function/sysfs.js';

const ADDRESS = '0000:00:05.0';
const ROOT_USER = '000001ffffffffff';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vscsi-pci-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(file: string, text: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A machine on which nothing is in the way. */
function machine(functions: Readonly<Record<string, MadeFunction>> = { [ADDRESS]: {} }): void {
  makeFunctions(join(root, 'sys/bus/pci'), functions);
  for (const address of Object.keys(functions)) put(`sys/bus/pci/devices/${address}/config`, '');
  put('proc/self/status', `Name:\tnode\nCapEff:\t${ROOT_USER}\n`);
  put('sys/kernel/security/lockdown', '[none] integrity confidentiality\n');
  put('sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages', `${PAGES}\n`);
}

const found = (options: Parameters<typeof pciObstacles>[0] = { address: ADDRESS, unsafeDma: true }) =>
  pciObstacles(options, root);

test('nothing hinders a function of its own that somebody wants driven', () => {
  machine();
  expect(found()).toEqual([]);
  expect(found({ address: '00:05.0', unsafeDma: true })).toEqual([]);
});

test('without a word of its user it is refused, with what can happen', () => {
  machine();
  for (const options of [{ address: ADDRESS }, { address: ADDRESS, unsafeDma: false }]) {
    const [only, ...others] = found(options);
    expect(only?.what).toMatch(/nothing keeps 0000:00:05\.0 from memory.* writes into the running kernel/);
    expect(only?.remedy).toMatch(/machine that may be lost.*--unsafe-dma/);
    expect(only?.choice).toBe(true);
    expect(others).toEqual([]);
  }
});

describe('the function', () => {
  test('has to be named', () => {
    machine({ [ADDRESS]: { driver: 'virtio-pci' }, '0000:00:06.0': { vendor: 0x8086 } });
    expect(found({})).toEqual([
      {
        what: 'no PCI function is named',
        remedy: '--dut pci:ADDRESS; virtio-scsi functions of this machine: 0000:00:05.0 (driver virtio-pci)',
        choice: true,
      },
    ]);
    expect(found({ address: 'sda' })[0]?.what).toBe('sda is no PCI address');
    expect(found({ address: '01:00.0' })[0]?.what).toBe('this machine has no PCI function 0000:01:00.0');
  });

  test('has to be a virtio-scsi one', () => {
    machine({ [ADDRESS]: { device: 0x1000 } });
    expect(found()).toEqual([
      {
        what: '0000:00:05.0 is no virtio-scsi function: it is 1af4:1000, not 1af4:1048 or 1af4:1004',
        remedy: 'this machine has no virtio-scsi function',
      },
    ]);
  });

  test('has to be left by its driver', () => {
    machine({ [ADDRESS]: { driver: 'virtio-pci' } });
    expect(found()).toEqual([
      {
        what: '0000:00:05.0 has a driver, virtio-pci',
        remedy:
          'take it away, and the disks with it: echo 0000:00:05.0 > /sys/bus/pci/drivers/virtio-pci/unbind',
      },
    ]);
  });

  test('may be reserved by pci-stub', () => {
    machine({ [ADDRESS]: { driver: 'pci-stub' } });
    expect(found()).toEqual([]);
  });

  test('is for VFIO where there is an IOMMU', () => {
    machine({ [ADDRESS]: { group: '7' } });
    expect(found()[0]).toEqual({
      what: 'an IOMMU translates what 0000:00:05.0 does to memory (group 7)',
      remedy: 'use it, it is safer: --dut vfio:0000:00:05.0',
    });
  });

  test.skipIf(process.getuid?.() === 0)('may not be somebody else’s', () => {
    machine();
    chmodSync(join(root, `sys/bus/pci/devices/${ADDRESS}/config`), 0o400);
    expect(found()[0]).toMatchObject({
      what: expect.stringMatching(/may not be written/),
      remedy: 'become root',
    });
  });
});

describe('the machine', () => {
  test('has to tell physical addresses', () => {
    machine();
    put('proc/self/status', 'CapEff:\t000001ffffdfffff\n');
    expect(found()).toEqual([
      {
        what: 'the kernel tells physical addresses to root alone (CAP_SYS_ADMIN), not to this process',
        remedy: 'become root, outside of any container',
      },
    ]);
  });

  test.each(['integrity', 'confidentiality'])('must not be locked down: %s', (level) => {
    machine();
    put('sys/kernel/security/lockdown', `none integrity confidentiality\n`.replace(level, `[${level}]`));
    expect(found()).toEqual([
      {
        what: 'the kernel is locked down: it lets nobody reach registers of devices',
        remedy: expect.stringMatching(/Secure Boot/),
      },
    ]);
  });

  test('needs huge pages that nobody has set aside, and says how they are had', () => {
    machine();
    put('sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages', `${PAGES}\n`);
    put('sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages', `${PAGES - 3}\n`);
    expect(found()).toEqual([
      {
        what: `${PAGES} free huge pages of 2 MiB are needed for memory that does not move, and there are 3`,
        remedy: `echo ${PAGES} > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages`,
      },
    ]);
  });

  test('may have no such files at all', () => {
    expect(pciMachineObstacles(root).map(({ what }) => what)).toEqual([
      expect.stringMatching(/CAP_SYS_ADMIN/),
      expect.stringMatching(/there are 0$/),
    ]);
  });
});

test('all that is in the way is told at once', () => {
  machine({ [ADDRESS]: { driver: 'virtio-pci', group: '1' } });
  put('proc/self/status', 'CapEff:\t0000000000000000\n');
  put('sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages', '0\n');
  expect(found({ address: ADDRESS })).toHaveLength(5);
});

test('a function that cannot be driven is not started, and says why', async () => {
  await expect(pciAdapter({ address: 'ffff:ff:1f.7' }).start()).rejects.toThrow(
    'this machine has no PCI function ffff:ff:1f.7',
  );
});

test('only a function that nobody named is looked for in the lab, where it is driven without asking', () => {
  expect(pciAdapter({ address: ADDRESS }).lab).toBeUndefined();
  expect(pciAdapter({}).lab?.modules).toEqual(['pci_stub ids=1af4:1004,1af4:1048']);
});
