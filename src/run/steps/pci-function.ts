/** The PCI function of a case's device, by whichever interface it is driven. */
import { CaseError } from '../../cases/errors.js';
import type { Transport } from '../../transport/transport.js';
import { PciTransport } from '../../transport/virtio-pci/pci-transport.js';
import type { CaseRun } from '../case-run.js';

export type PciFunction = PciTransport & Transport;

/** Throws CaseError where the device is not attached by PCI. */
export function pciFunction(run: CaseRun): PciFunction {
  const { transport } = run.session;
  if (transport instanceof PciTransport) return transport;
  throw new CaseError('NOT_AVAILABLE', 'this transport is not PCI');
}
