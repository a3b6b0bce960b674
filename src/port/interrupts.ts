/** What the driver sees of the device's interrupts. */

/**
 * Interrupts by vector. The portable statements are "raised" and "not raised" since the last `clear`;
 * `count` exists only where the port can count.
 */
export interface Interrupts {
  /** Number of vectors. */
  readonly vectors: number;
  raised(vector: number): boolean;
  clear(vector: number): void;
  /** Interrupts since the last `clear`; only on ports that count them. */
  count?(vector: number): number;
}

/** Interrupts that a port delivers itself, in place of messages that the device writes to memory. */
export interface DeliveredInterrupts extends Interrupts {
  /** The MSI-X table that the driver reaches masks them, and shows what is pending. */
  readonly masked: boolean;
  /** Delivers them from now on, or no more, so that the line is used; left out where the port cannot choose. */
  deliver?(on: boolean): void;
}

/** The interrupt line of a device: INTx of a PCI function, the one interrupt of a virtio-mmio device. */
export interface InterruptLine {
  /** Whether the device asserts it now. It stays asserted until the driver has acknowledged every cause. */
  level(): boolean;
}
