/** Finding the virtio structures in PCI configuration space ("Virtio Structure PCI Capabilities"). */
import type { RegisterWindow } from '../../port/registers.js';
import { PCI_EXTENDED_CAPABILITIES, PciCapability, PciStatus, pciHeader } from '../../wire/pci.js';
import { VirtioPciCapType, virtioPciCap, virtioPciNotifyCap } from '../../wire/virtio-pci.js';
import { TransportError } from '../transport.js';

/** One vendor capability of a virtio function, decoded. */
export interface VirtioCapability {
  /** Offset in configuration space. */
  readonly at: number;
  readonly type: number;
  /** cap_len, in bytes. */
  readonly size: number;
  readonly bar: number;
  readonly id: number;
  /** Offset within the BAR. */
  readonly offset: number;
  readonly length: number;
}

/** What the walk of the capability list found. */
export interface CapabilityList {
  readonly virtio: readonly VirtioCapability[];
  /** Offset of the MSI-X capability, if there is one. */
  readonly msix: number | undefined;
  /** What is wrong with the list itself; the walk ended there, and what it had found by then counts. */
  readonly fault: 'loop' | 'bad-pointer' | undefined;
}

/** A list of capabilities of 4 bytes each fills configuration space after 48 hops; a longer one must be a loop. */
const MAX_CAPABILITIES = 48;
/** Configuration space that the capability list can lie in; what is beyond belongs to PCI Express. */
const CONFIG_SIZE = 256;

function readBytes(config: RegisterWindow, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length && offset + i < CONFIG_SIZE; i++) out[i] = config.read(offset + i, 1);
  return out;
}

/** Walks the capability list as far as it can be followed. Throws TransportError where there is none. */
export function walkCapabilities(config: RegisterWindow): CapabilityList {
  const { status, capabilities } = pciHeader.fields;
  if ((config.read(status.offset, 2) & PciStatus.CAP_LIST) === 0)
    throw new TransportError(
      'the function has no capability list, so no virtio structure can be found',
      'virtio.pci.common-present',
    );
  const virtio: VirtioCapability[] = [];
  let msix: number | undefined;
  let at = config.read(capabilities.offset, 1) & 0xfc;
  for (let hops = 0; at !== 0; hops++) {
    if (hops >= MAX_CAPABILITIES) return { virtio, msix, fault: 'loop' };
    if (at < pciHeader.size) return { virtio, msix, fault: 'bad-pointer' };
    const id = config.read(at, 1);
    if (id === PciCapability.VENDOR) {
      const cap = virtioPciCap.read(readBytes(config, at, virtioPciCap.size));
      const { cfg_type: type, cap_len: size, bar, id: number, offset, length } = cap;
      // A loop must not multiply what it passes.
      if (!virtio.some((seen) => seen.at === at))
        virtio.push({ at, type, size, bar, id: number, offset, length });
    } else if (id === PciCapability.MSIX) {
      msix = at;
    }
    at = config.read(at + 1, 1) & 0xfc;
  }
  return { virtio, msix, fault: undefined };
}

const PRESENT: Readonly<Partial<Record<keyof typeof VirtioPciCapType, string>>> = {
  COMMON_CFG: 'virtio.pci.common-present',
  NOTIFY_CFG: 'virtio.pci.notify-present',
  ISR_CFG: 'virtio.pci.isr-present',
  DEVICE_CFG: 'virtio.pci.device-cfg-present',
  PCI_CFG: 'virtio.pci.cfg-access-present',
};

/** The first capability of a type: the one that the driver is to use when the device offers several. */
export function firstOfType(list: CapabilityList, type: keyof typeof VirtioPciCapType): VirtioCapability {
  const found = list.virtio.find((cap) => cap.type === VirtioPciCapType[type] && cap.bar <= 5);
  if (found) return found;
  const why = {
    loop: ', and its capability list loops',
    'bad-pointer': ', and a capability pointer leads into the header',
  };
  throw new TransportError(
    `the function has no ${type} capability${list.fault ? why[list.fault] : ''}`,
    PRESENT[type],
  );
}

/** Whether the extended list of PCI Express has a capability; without extended configuration space it has none. */
export function hasExtendedCapability(config: RegisterWindow, id: number): boolean {
  const most = (config.size - PCI_EXTENDED_CAPABILITIES) / 8;
  let at: number = PCI_EXTENDED_CAPABILITIES;
  for (let hops = 0; hops < most && at >= PCI_EXTENDED_CAPABILITIES && at + 4 <= config.size; hops++) {
    const header = config.read(at, 4);
    // No header is all zeros or all ones: there the list is empty, or nothing answers.
    if (header === 0 || header === 0xffff_ffff) return false;
    if ((header & 0xffff) === id) return true;
    at = (header >>> 20) & 0xffc;
  }
  return false;
}

/** Reads the multiplier that follows a NOTIFY_CFG capability. */
export function notifyMultiplier(config: RegisterWindow, cap: VirtioCapability): number {
  return config.read(cap.at + virtioPciNotifyCap.fields.notify_off_multiplier.offset, 4);
}
