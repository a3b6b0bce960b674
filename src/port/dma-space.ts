/** Memory that the device can reach. */

/**
 * A piece of memory shared with the device.
 *
 * The driver works on `view`. Where memory is mapped, `publish` and `fetch` do nothing; where it is not, `publish`
 * copies a range of `view` to the device's memory and `fetch` copies it back. So: publish after writing and before
 * telling the device, fetch before reading what the device may have written.
 */
export interface DmaBlock {
  /** The address by which the device reaches the first byte. Unrelated to any offset in `view`. */
  readonly iova: bigint;
  /** Length in bytes. */
  readonly size: number;
  readonly view: Uint8Array;
  publish(offset?: number, length?: number): void;
  fetch(offset?: number, length?: number): void;
}

/** Limits on where a block may lie. */
export interface AllocOptions {
  /** Power of two; 1 if left out. */
  readonly align?: number;
  /** The block begins at or above this address. */
  readonly minIova?: bigint;
  /** The block ends at or below this address. */
  readonly maxIova?: bigint;
}

/** The device-reachable memory of one port. */
export interface DmaSpace {
  /** Whether `view` is the device's memory itself, and `publish`/`fetch` are therefore free. */
  readonly mapped: boolean;
  /** Allocates zeroed memory; throws `PortError` DMA_EXHAUSTED when no region has room. */
  alloc(size: number, options?: AllocOptions): DmaBlock;
  /** Marks the present fill level; `release` gives back all that was allocated since. */
  mark(): DmaMark;
  release(mark: DmaMark): void;
}

declare const dmaMark: unique symbol;
/** Opaque fill level of a DmaSpace. */
export type DmaMark = { readonly [dmaMark]: true };
