/** The virtio structures of a PCI function, by the names that cases give them. */
import type { CapabilityList, VirtioCapability } from '../transport/virtio-pci/capabilities.js';
import { VirtioPciCapType } from '../wire/virtio-pci.js';

const TYPES: Readonly<Record<string, number>> = {
  common: VirtioPciCapType.COMMON_CFG,
  notify: VirtioPciCapType.NOTIFY_CFG,
  isr: VirtioPciCapType.ISR_CFG,
  device: VirtioPciCapType.DEVICE_CFG,
  pci: VirtioPciCapType.PCI_CFG,
};

export const VIRTIO_STRUCTURES: readonly string[] = Object.keys(TYPES);

/** The capability of a structure: the first of its type is the one to use ("Virtio Structure PCI Capabilities"). */
export function capabilityOf(name: string, { virtio }: CapabilityList): VirtioCapability | undefined {
  const type = TYPES[name];
  return virtio.find((capability) => capability.type === type);
}
