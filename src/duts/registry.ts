/** The device kinds, by name. Adding one means a folder, and a line in this table and in that of `ports.ts`. */
import type { DutAdapter } from './dut.js';
import { modelAdapter, scaledConfig } from './model/adapter.js';
import { type PciOptions, pciAdapter } from './pci/adapter.js';
import { qemuAdapter } from './qemu/adapter.js';
import type { QemuOptions } from './qemu/start.js';
import { type RemoteOptions, remoteAdapter } from './remote/adapter.js';
import type { Scale } from './scale.js';
import { type VfioOptions, vfioAdapter } from './vfio/adapter.js';
import { type VfioUserOptions, vfioUserAdapter } from './vfio-user/adapter.js';
import { vhostScsiAdapter } from './vhost-scsi/adapter.js';
import { type VhostUserOptions, vhostUserAdapter } from './vhost-user/adapter.js';

/** What the command line can say about devices; each kind takes what concerns it. */
export interface DutOptions {
  /** Guest memory mapped; false for copying it through the device's own channel. */
  readonly mmap: boolean;
  /** Seed of everything that the model chooses at random, its DMA addresses above all. */
  readonly seed: number;
  /** Id of a mutant of the model. */
  readonly mutant?: string;
  /** How many units the device is to have. */
  readonly scale?: Scale;
  /** How to start QEMU. */
  readonly qemu?: Omit<QemuOptions, 'mmap'>;
  /** How to reach a vhost-user back-end. */
  readonly vhostUser?: VhostUserOptions;
  /** How to reach a vfio-user server. */
  readonly vfioUser?: VfioUserOptions;
  /** How to reach a remote device. */
  readonly remote?: RemoteOptions;
  /** Which PCI function of this machine it is. */
  readonly vfio?: VfioOptions;
  /** Which PCI function to drive without an IOMMU. */
  readonly pci?: PciOptions;
}

/** Adapters for the main thread. */
export const ADAPTERS: Readonly<Record<string, (options: DutOptions) => DutAdapter>> = {
  model: ({ seed, mutant, mmap, scale }) =>
    modelAdapter({
      seed,
      copying: !mmap,
      ...(mutant !== undefined && { mutant }),
      ...(scale && { config: scaledConfig(scale) }),
    }),
  qemu: ({ qemu, mmap, scale }) => qemuAdapter({ ...qemu, mmap, ...(scale && { scale }) }),
  'vhost-user': ({ vhostUser = {} }) => vhostUserAdapter(vhostUser),
  'vhost-scsi': () => vhostScsiAdapter(),
  'vfio-user': ({ vfioUser = {}, mmap }) => vfioUserAdapter({ ...vfioUser, shareMemory: mmap }),
  pci: ({ pci = {} }) => pciAdapter(pci),
  remote: ({ remote = {} }) => remoteAdapter(remote),
  vfio: ({ vfio = {} }) => vfioAdapter(vfio),
};
