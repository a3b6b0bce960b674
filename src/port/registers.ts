/** Register access: configuration space, BARs and MMIO windows. */

import type { InterruptLine } from './interrupts.js';
import type { VhostAttachment } from './vhost.js';

/** Width of one access in bytes. 64-bit virtio fields are reached by two accesses of 4 (virtio 1.4, "Virtio Over PCI Bus"). */
export type Width = 1 | 2 | 4;

/**
 * A range of registers, addressed from 0.
 *
 * Reads are synchronous: they return when the device has answered. Writes are posted: they may be held back until
 * the next read of the port or `flush()`, and reach the device in order. A device that cannot answer any more makes
 * both throw `DutGoneError`.
 */
export interface RegisterWindow {
  /** Size in bytes; accesses beyond it are errors of the caller. */
  readonly size: number;
  /** The value as the CPU would see it (registers are little-endian on every transport here). */
  read(offset: number, width: Width): number;
  write(offset: number, width: Width, value: number): void;
  /** Sends every posted write; does not wait until the device has acted on them. */
  flush(): void;
  /** Sends every posted write and returns when the device has taken them all. */
  fence(): void;
}

/** A PCI function: its configuration space and its base address registers, assigned by whoever made the port. */
export interface PciAttachment {
  readonly kind: 'pci';
  readonly config: RegisterWindow;
  /**
   * Window of BAR 0-5, memory or I/O space, or undefined where the function has none. Needs the command register's
   * enable bits.
   */
  bar(index: number): RegisterWindow | undefined;
  /** INTx, where the port can watch it. */
  readonly line?: InterruptLine;
  /** Whether interrupt messages reach anybody; left out: they do. Where they do not, MSI-X stays off. */
  readonly messages?: boolean;
}

/** A virtio-mmio register window. */
export interface MmioAttachment {
  readonly kind: 'mmio';
  readonly window: RegisterWindow;
  /** Its interrupt, where the port can watch it. */
  readonly line?: InterruptLine;
}

/** How the device is attached; below registers in the last case. */
export type Attachment = PciAttachment | MmioAttachment | VhostAttachment;
