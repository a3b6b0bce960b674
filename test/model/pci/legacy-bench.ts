/** The hand-written driver on the legacy interface of a transitional PCI function. Offsets are written out. */
import type { Behaviours } from '../../../src/model/behaviours.js';
import type { ModelConfig } from '../../../src/model/model-config.js';
import { Bench, TestQueue } from '../bench.js';

const IO_BASE = 0xc000;
const MSIX_BASE = 0xfeb0_0000;

export class LegacyPciBench extends Bench {
  constructor(
    options: { config?: Partial<ModelConfig>; adjust?: (b: Behaviours) => void; seed?: number } = {},
  ) {
    super({ ...options, config: { bus: 'pci-transitional', ...options.config } });
  }

  override place(): void {
    super.place();
    this.cfg(0x10, 4, IO_BASE);
    this.cfg(0x14, 4, MSIX_BASE);
    this.cfg(0x04, 2, 0x0007);
  }

  /** Reads a legacy register or configuration bytes, or writes them when a value is given. */
  io(offset: number, width: 1 | 2 | 4, value?: number): number {
    const address = BigInt(IO_BASE + offset);
    if (value === undefined) return this.model.function.busRead('io', address, width);
    this.model.function.busWrite('io', address, width, value);
    return value;
  }

  /** Switches MSI-X on or off. */
  msix(on: boolean): void {
    this.cfg(this.msixAt + 2, 2, on ? 0x8000 : 0);
  }

  override msixTable(offset: number, value: number): void {
    this.model.function.busWrite('memory', BigInt(MSIX_BASE + offset), 4, value);
  }

  get line(): boolean {
    return this.model.function.line;
  }

  override get status(): number {
    return this.io(18, 1);
  }

  override negotiate(features: bigint): void {
    for (const status of [0, 1, 3]) this.io(18, 1, status);
    this.io(4, 4, Number(features));
  }

  /** The size is the device's. */
  override setUpQueue(index: number): void {
    this.io(14, 2, index);
    const queue = TestQueue.contiguous(this, index, this.io(12, 2), 4096, 4096);
    this.queues.set(index, queue);
    this.io(8, 4, Number(queue.desc.iova / 4096n));
  }

  override start(features = 0n): this {
    this.negotiate(features);
    for (const index of [0, 1, 2, 3]) this.setUpQueue(index);
    this.io(18, 1, 7);
    return this;
  }

  override kick(index: number): void {
    this.io(16, 2, index);
  }
}
