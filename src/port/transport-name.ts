/** The ways in which a virtio device is reached, by the names of case files and the command line. */

/** `-legacy`: the same attachment by its legacy interface ("Legacy Interfaces"). */
export const TRANSPORT_NAMES = [
  'pci',
  'pci-legacy',
  'mmio',
  'mmio-legacy',
  'vhost-user',
  'vhost-kernel',
] as const;

export type TransportName = (typeof TRANSPORT_NAMES)[number];

/** By which a PCI function can be driven, the usual one first. */
export const PCI_TRANSPORTS = ['pci', 'pci-legacy'] as const satisfies readonly TransportName[];
export type PciTransportName = (typeof PCI_TRANSPORTS)[number];

/** Whether the device is driven below registers, as a vhost back-end. */
export function isVhost(name: TransportName): boolean {
  return name.startsWith('vhost-');
}

/** Whether the device is driven by the legacy interface. */
export function isLegacy(name: TransportName): boolean {
  return name.endsWith('-legacy');
}
