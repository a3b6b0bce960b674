/** A machine for the lab that has a virtio-scsi function of QEMU's behind an IOMMU, bound to vfio-pci. */

import { HUGE_PAGE } from '../../sys/huge-pages.js';
import type { LabNeeds } from '../dut.js';
import { functionMachine } from '../pci-function/lab-machine.js';
import { SHARED_BYTES } from '../shared-memory.js';

/** A root port of PCI Express: behind one the function can be reset by itself, as VFIO asks for. */
const ROOT_PORT = 'express';

/** vfio-pci is there before virtio-pci, and takes what is a modern virtio-scsi function. */
export const VFIO_LAB: LabNeeds = {
  family: 'qemu',
  modules: ['vfio_iommu_type1', 'vfio_pci ids=1af4:1048'],
  machine: () =>
    functionMachine(
      {
        transport: 'pci',
        properties: { iommu_platform: 'on', bus: ROOT_PORT, addr: '0' },
        address: '0000:01:00.0',
        qemuArgs: [
          ...['-machine', 'kernel-irqchip=split', '-device', 'intel-iommu,intremap=on'],
          ...['-device', `pcie-root-port,id=${ROOT_PORT}`],
        ],
        kernelWords: ['intel_iommu=on', `hugepages=${SHARED_BYTES / HUGE_PAGE}`],
      },
      (vfio) => ({ vfio }),
    ),
};
