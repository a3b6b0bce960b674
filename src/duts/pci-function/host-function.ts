/** A PCI function of this machine, as the kernel's sysfs tells of it. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { VIRTIO_PCI_VENDOR } from '../../wire/virtio-pci.js';

const DEVICES = '/sys/bus/pci/devices';
const ADDRESS = /^(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;
/** Device ids of a virtio-scsi function: of the modern interface alone, and of a transitional one. */
const VIRTIO_SCSI_IDS: readonly number[] = [0x1048, 0x1004];

/** What there is to know of a function before it is touched. */
export interface HostFunction {
  /** Domain, bus, device and function: `0000:01:00.0`. */
  readonly address: string;
  /** Its folder in sysfs. */
  readonly folder: string;
  readonly vendor: number;
  readonly device: number;
  readonly subsystem: readonly [vendor: number, device: number];
  readonly revision: number;
  /** The kernel's driver that has it, if any. */
  readonly driver: string | undefined;
  /** Number of its IOMMU group; undefined where no IOMMU stands before it. */
  readonly group: string | undefined;
}

/** An address in full; undefined for a text that is none. */
export function fullAddress(text: string): string | undefined {
  const address = text.toLowerCase();
  if (!ADDRESS.test(address)) return undefined;
  return address.split(':').length === 3 ? address : `0000:${address}`;
}

/** The function at a full address; undefined where there is none. */
export function hostFunction(address: string, devices = DEVICES): HostFunction | undefined {
  const folder = join(devices, address);
  if (!existsSync(folder)) return undefined;
  const id = (name: string) => Number(readFileSync(join(folder, name), 'utf8'));
  return {
    address,
    folder,
    vendor: id('vendor'),
    device: id('device'),
    subsystem: [id('subsystem_vendor'), id('subsystem_device')],
    revision: id('revision'),
    driver: linkName(join(folder, 'driver')),
    group: linkName(join(folder, 'iommu_group')),
  };
}

/** All virtio-scsi functions of this machine. */
export function virtioScsiFunctions(devices = DEVICES): readonly HostFunction[] {
  if (!existsSync(devices)) return [];
  return readdirSync(devices)
    .map((address) => hostFunction(address, devices))
    .filter((each) => each !== undefined)
    .filter(isVirtioScsi);
}

/** Whether its ids are those of a virtio-scsi function. */
export function isVirtioScsi({ vendor, device }: HostFunction): boolean {
  return vendor === VIRTIO_PCI_VENDOR && VIRTIO_SCSI_IDS.includes(device);
}

/** The other functions that the IOMMU cannot tell from this one. */
export function groupNeighbours({ address, folder, group }: HostFunction): readonly HostFunction[] {
  if (group === undefined) return [];
  return readdirSync(join(folder, 'iommu_group', 'devices'))
    .filter((each) => each !== address)
    .map((each) => hostFunction(each, join(folder, '..')))
    .filter((each) => each !== undefined);
}

/** Vendor and device as lspci shows them. */
export function idsOf({ vendor, device }: HostFunction): string {
  return [vendor, device].map((id) => id.toString(16).padStart(4, '0')).join(':');
}

function linkName(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}
