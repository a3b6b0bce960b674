/** Finding the virtio structures in PCI configuration space ("Virtio Structure PCI Capabilities"). */
import type { RegisterWindow } from '../../port/registers.js';
import { PciCapability, PciStatus, pciHeader } from '../../wire/pci.js';
import { VirtioPciCapType, virtioPciCap, virtioPciNotifyCap } from '../../wire/virtio-pci.js';
import { TransportError } from '../transport.js';

/** One vendor capability of a virtio function, decoded. */
export interface VirtioCapability {
  /** Offset in configuration space. */
  readonly at: number;
  readonly type: number;
  readonly bar: number;
  /** Offset within the BAR. */
  readonly offset: number;
  readonly length: number;
}

/** What the walk of the capability list found. */
export interface CapabilityList {
  readonly virtio: readonly VirtioCapability[];
  /** Offset of the MSI-X capability, if there is one. */
  readonly msix: number | undefined;
}

/** A list of capabilities of 4 bytes each fills configuration space after 48 hops; a longer one must be a loop. */
const MAX_CAPABILITIES = 48;

function readBytes(config: RegisterWindow, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = config.read(offset + i, 1);
  return out;
}

/** Walks the capability list. Throws TransportError for a list that loops or points outside. */
export function walkCapabilities(config: RegisterWindow): CapabilityList {
  const { status, capabilities } = pciHeader.fields;
  if ((config.read(status.offset, 2) & PciStatus.CAP_LIST) === 0)
    throw new TransportError('the function has no capability list, so no virtio structure can be found');
  const virtio: VirtioCapability[] = [];
  let msix: number | undefined;
  let at = config.read(capabilities.offset, 1) & 0xfc;
  for (let hops = 0; at !== 0; hops++) {
    if (hops >= MAX_CAPABILITIES)
      throw new TransportError(`the capability list loops: more than ${MAX_CAPABILITIES} entries`);
    if (at < pciHeader.size)
      throw new TransportError(`a capability pointer leads into the header, to 0x${at.toString(16)}`);
    const id = config.read(at, 1);
    if (id === PciCapability.VENDOR) {
      const cap = virtioPciCap.read(readBytes(config, at, virtioPciCap.size));
      virtio.push({ at, type: cap.cfg_type, bar: cap.bar, offset: cap.offset, length: cap.length });
    } else if (id === PciCapability.MSIX) {
      msix = at;
    }
    at = config.read(at + 1, 1) & 0xfc;
  }
  return { virtio, msix };
}

/** The first capability of a type: the one that the driver is to use when the device offers several. */
export function firstOfType(list: CapabilityList, type: keyof typeof VirtioPciCapType): VirtioCapability {
  const found = list.virtio.find((cap) => cap.type === VirtioPciCapType[type] && cap.bar <= 5);
  if (found === undefined) throw new TransportError(`the function has no ${type} capability`);
  return found;
}

/** Reads the multiplier that follows a NOTIFY_CFG capability. */
export function notifyMultiplier(config: RegisterWindow, cap: VirtioCapability): number {
  return config.read(cap.at + virtioPciNotifyCap.fields.notify_off_multiplier.offset, 4);
}
