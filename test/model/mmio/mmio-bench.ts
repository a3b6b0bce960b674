/** The hand-written driver on virtio-mmio, both versions. Offsets are written out. */
import type { Behaviours } from '../../../src/model/behaviours.js';
import type { ModelConfig } from '../../../src/model/model-config.js';
import { Bench, TestQueue } from '../bench.js';

interface Options {
  readonly config?: Partial<ModelConfig>;
  readonly adjust?: (b: Behaviours) => void;
  readonly seed?: number;
}

/** Version 2. */
export class MmioBench extends Bench {
  constructor(options: Options = {}) {
    super({ ...options, config: { bus: 'mmio', ...options.config } });
  }

  /** There is nothing to find or to switch on. */
  override place(): void {}

  /** Reads a register or configuration bytes, or writes them when a value is given. */
  mmio(offset: number, value?: number, width: 1 | 2 | 4 = 4): number {
    if (value === undefined) return this.model.window.read(offset, width);
    this.model.window.write(offset, width, value);
    return value;
  }

  override get status(): number {
    return this.mmio(0x70);
  }

  get line(): boolean {
    return this.model.window.line;
  }

  override get offered(): bigint {
    return [0, 1].reduce((all, window) => {
      this.mmio(0x14, window);
      return all | (BigInt(this.mmio(0x10)) << BigInt(32 * window));
    }, 0n);
  }

  override negotiate(features: bigint): void {
    for (const status of [0, 1, 3]) this.mmio(0x70, status);
    for (const window of [0, 1]) {
      this.mmio(0x24, window);
      this.mmio(0x20, Number((features >> BigInt(32 * window)) & 0xffffffffn));
    }
    this.mmio(0x70, 0x0b);
  }

  override setUpQueue(index: number, size = 16): void {
    const queue = TestQueue.scattered(this, index, size);
    this.queues.set(index, queue);
    this.mmio(0x30, index);
    this.mmio(0x38, size);
    for (const [offset, piece] of [
      [0x80, queue.desc],
      [0x90, queue.avail],
      [0xa0, queue.used],
    ] as const) {
      this.mmio(offset, Number(piece.iova & 0xffffffffn));
      this.mmio(offset + 4, Number(piece.iova >> 32n));
    }
    this.mmio(0x44, 1);
  }

  override start(features = 0n, size = 16): this {
    this.negotiate((1n << 32n) | features);
    for (const index of [0, 1, 2, 3]) this.setUpQueue(index, size);
    this.mmio(0x70, 0x0f);
    return this;
  }

  override kick(index: number): void {
    this.mmio(0x50, index);
  }
}

/** Version 1. */
export class LegacyMmioBench extends MmioBench {
  constructor(options: Options = {}) {
    super({ ...options, config: { bus: 'mmio-legacy', ...options.config } });
  }

  override negotiate(features: bigint): void {
    for (const status of [0, 1, 3]) this.mmio(0x70, status);
    this.mmio(0x24, 0);
    this.mmio(0x20, Number(features));
  }

  /** `page` and `align` in bytes. */
  override setUpQueue(index: number, size = 16, page = 4096, align = 4096): void {
    const queue = TestQueue.contiguous(this, index, size, page, align);
    this.queues.set(index, queue);
    this.mmio(0x28, page);
    this.mmio(0x30, index);
    this.mmio(0x38, size);
    this.mmio(0x3c, align);
    this.mmio(0x40, Number(queue.desc.iova / BigInt(page)));
  }

  override start(features = 0n, size = 16): this {
    this.negotiate(features);
    for (const index of [0, 1, 2, 3]) this.setUpQueue(index, size);
    this.mmio(0x70, 7);
    return this;
  }
}
