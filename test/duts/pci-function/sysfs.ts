/** PCI functions as sysfs shows them, made up in a folder. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MadeFunction {
  readonly vendor?: number;
  readonly device?: number;
  readonly driver?: string;
  readonly group?: string;
}

/** Makes the functions, by address, below `root`; returns the folder of all. */
export function makeFunctions(root: string, functions: Readonly<Record<string, MadeFunction>>): string {
  const devices = join(root, 'devices');
  for (const [address, made] of Object.entries(functions)) {
    const { vendor = 0x1af4, device = 0x1048, driver, group } = made;
    const folder = join(devices, address);
    mkdirSync(folder, { recursive: true });
    const ids = { vendor, device, subsystem_vendor: 0x1af4, subsystem_device: 0x1100, revision: 1 };
    for (const [name, id] of Object.entries(ids)) writeFileSync(join(folder, name), `0x${id.toString(16)}\n`);
    if (driver !== undefined) symlinkSync(join('..', '..', 'drivers', driver), join(folder, 'driver'));
    if (group === undefined) continue;
    const members = join(root, 'groups', group, 'devices');
    mkdirSync(members, { recursive: true });
    symlinkSync(folder, join(members, address));
    symlinkSync(join(root, 'groups', group), join(folder, 'iommu_group'));
  }
  return devices;
}
