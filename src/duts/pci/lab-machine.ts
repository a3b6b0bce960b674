/** A machine for the lab that has a virtio-scsi function of QEMU's and no IOMMU; nothing of it is missed if it is lost. */

import { PCI_TRANSPORTS } from '../../port/transport-name.js';
import type { LabNeeds } from '../dut.js';
import { functionMachine } from '../pci-function/lab-machine.js';
import type { PciOptions } from './adapter.js';
import { PAGES } from './obstacles.js';

/** pci-stub is there before virtio-pci, and keeps the function from it. Messages to memory arrive there. */
export function pciLab({ messages = true, transports = PCI_TRANSPORTS }: PciOptions): LabNeeds {
  return {
    family: 'qemu',
    modules: ['pci_stub ids=1af4:1004,1af4:1048'],
    machine: () =>
      functionMachine({ transport: 'pci-legacy', kernelWords: [`hugepages=${PAGES}`] }, (pci) => ({
        pci: { ...pci, transports, messages, unsafeDma: true } satisfies PciOptions,
      })),
  };
}
