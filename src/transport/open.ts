/** The transport for a port, by how the device is attached. */
import type { Port } from '../port/port.js';
import { type Transport, TransportError } from './transport.js';
import { VirtioPci } from './virtio-pci/virtio-pci.js';

/** Opens the port's transport. Throws TransportError when the device cannot be driven. */
export function openTransport(port: Port): Transport {
  if (port.transport === 'pci') return VirtioPci.open(port);
  throw new TransportError(`no transport is called ${port.transport}`);
}
