/** Feature bits in windows of 32, any number of them ("Feature Bits"). */
import { hasFeature } from '../../wire/virtio.js';

/** The bits that the driver wrote, window by window. */
export class DriverFeatures {
  readonly #windows = new Map<number, number>();
  /** `bits`, until a window is written. */
  #all: bigint | undefined = 0n;

  read(window: number): number {
    return this.#windows.get(window) ?? 0;
  }

  write(window: number, bits: number): void {
    this.#all = undefined;
    if (bits === 0) this.#windows.delete(window);
    else this.#windows.set(window, bits >>> 0);
  }

  clear(): void {
    this.#windows.clear();
    this.#all = 0n;
  }

  /** All bits as one number; a bit of a far window is set somewhere beyond every offered bit. */
  get bits(): bigint {
    if (this.#all === undefined) {
      this.#all = 0n;
      for (const [window, bits] of this.#windows)
        this.#all |= BigInt(bits) << BigInt(32 * Math.min(window, 4));
    }
    return this.#all;
  }
}

/** One 32-bit window of a feature set; windows that do not exist read 0. */
export function featureWindow(features: bigint, window: number): number {
  return window > 3 ? 0 : Number((features >> BigInt(32 * window)) & 0xffff_ffffn);
}

/** A set that the device serves: a part of what it offers, with VERSION_1, since there is no legacy interface. */
export function servable(features: bigint, offered: bigint): boolean {
  return (features & ~offered) === 0n && hasFeature(features, 'VIRTIO_F_VERSION_1');
}
