/** The transport for a port, by how the device is to be driven. */
import type { Port } from '../port/port.js';
import type { Transport } from './transport.js';
import { Vhost } from './vhost/vhost.js';
import { VirtioMmio } from './virtio-mmio/virtio-mmio.js';
import { VirtioMmioLegacy } from './virtio-mmio/virtio-mmio-legacy.js';
import { VirtioPci } from './virtio-pci/virtio-pci.js';
import { VirtioPciLegacy } from './virtio-pci-legacy/virtio-pci-legacy.js';

/** Opens the port's transport. Throws TransportError when the device cannot be driven. */
export function openTransport(port: Port): Transport {
  switch (port.transport) {
    case 'pci':
      return VirtioPci.open(port);
    case 'pci-legacy':
      return VirtioPciLegacy.open(port);
    case 'mmio':
      return VirtioMmio.open(port);
    case 'mmio-legacy':
      return VirtioMmioLegacy.open(port);
    case 'vhost-user':
    case 'vhost-kernel':
      return Vhost.open(port);
  }
}
