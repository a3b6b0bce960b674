/** Where the MSI-X structures of a function lie (PCI Local Bus 3.0, "MSI-X Capability and Table Structures"). */
import type { PciAttachment, RegisterWindow } from '../../port/registers.js';
import { MsixControl, msixCapability, msixEntry } from '../../wire/pci.js';
import { type Region, TransportError } from '../transport.js';

/** The low bits of a table or PBA register name the BAR, the others are the offset in it. */
const BAR_MASK = 7;

/** A place in the MSI-X structures: a bit or a word of a table entry or of the pending bit array. */
export interface MsixPlace {
  readonly window: RegisterWindow;
  /** Offset of the 32-bit word in the window. */
  readonly offset: number;
}

/** The MSI-X structures of a function, found through its capability at `position` of configuration space. */
export class MsixStructures {
  /** Offset of the capability in configuration space. */
  readonly position: number;
  /** Entries of the table. */
  readonly vectors: number;
  readonly #pci: PciAttachment;

  constructor(pci: PciAttachment, position: number) {
    this.#pci = pci;
    this.position = position;
    const control = pci.config.read(position + msixCapability.fields.message_control.offset, 2);
    this.vectors = (control & MsixControl.TABLE_SIZE) + 1;
  }

  /** The table. Throws TransportError when it is said to lie where the function has nothing. */
  table(): Region {
    return this.#region('table', this.vectors * msixEntry.size);
  }

  /** The 32 pending bits among which is the vector's. Throws TransportError as `table` does. */
  pendingWord(vector: number): MsixPlace {
    const { window, offset } = this.#region('pba', 8 * Math.ceil(this.vectors / 64));
    return { window, offset: offset + 4 * Math.floor(vector / 32) };
  }

  #region(name: 'table' | 'pba', length: number): Region {
    const word = this.#pci.config.read(this.position + msixCapability.fields[name].offset, 4);
    const bar = word & BAR_MASK;
    const offset = (word & ~BAR_MASK) >>> 0;
    const window = this.#pci.bar(bar);
    if (window === undefined || offset + length > window.size)
      throw new TransportError(
        `the MSI-X ${name} is said to be at ${offset} of BAR ${bar}, which ${window ? `has ${window.size} bytes` : 'the function lacks'}`,
        'virtio.pci.pci-compliance',
      );
    return { window, offset, length };
  }
}
