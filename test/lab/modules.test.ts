import { expect, it } from 'vitest';
import { dependenciesOf, loadOrder, moduleName } from '../../src/lab/modules.js';

it('reads what a module depends on', () => {
  const file = (info: string) => Buffer.from(`\x7fELF...\0license=GPL\0${info}\0name=x\0`);
  expect(dependenciesOf(file('depends=vhost,target-core-mod'))).toEqual(['vhost', 'target_core_mod']);
  expect(dependenciesOf(file('depends='))).toEqual([]);
  expect(dependenciesOf(file('alias=depends'))).toEqual([]);
});

it('names modules as the kernel does', () => {
  expect(moduleName('kernel/drivers/md/dm-mod.ko')).toBe('dm_mod');
  expect(moduleName('crct10dif-pclmul.ko.xz')).toBe('crct10dif_pclmul');
});

const KERNEL: Record<string, readonly string[] | 'builtin'> = {
  vhost_scsi: ['vhost', 'target_core_mod'],
  vhost: ['vhost_iotlb'],
  vhost_iotlb: [],
  target_core_mod: ['configfs', 'vhost_iotlb'],
  configfs: 'builtin',
  broken: ['nowhere'],
};

it('loads each module after those on which it depends, and once', () => {
  expect(loadOrder(['vhost_scsi', 'vhost'], (name) => KERNEL[name])).toEqual([
    'vhost_iotlb',
    'vhost',
    'target_core_mod',
    'vhost_scsi',
  ]);
});

it('says which module is missing, and who needs it', () => {
  expect(() => loadOrder(['broken'], (name) => KERNEL[name])).toThrow(
    'the kernel has no module nowhere, needed by broken',
  );
  expect(() => loadOrder(['other'], (name) => KERNEL[name])).toThrow('the kernel has no module other');
});
