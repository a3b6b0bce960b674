/** MSI-X whose messages are aimed at driver memory, so that interrupts are seen without an interrupt controller. */
import type { DmaBlock, DmaSpace } from '../../port/dma-space.js';
import type { Interrupts } from '../../port/interrupts.js';
import type { RegisterWindow } from '../../port/registers.js';
import { MsixControl, msixCapability, msixEntry } from '../../wire/pci.js';
import type { Region } from '../transport.js';
import type { MsixStructures } from './msix-structures.js';

const CELL_BYTES = 4;

/** Message data of a vector: never zero, and different for each, so that a mixed-up vector shows. */
const messageOf = (vector: number): number => 0x5c510000 | vector;

/**
 * A table whose entries each write to a cell of their own. A cell that is not zero has been raised; a message that
 * is not the vector's own counts as raised too, since the device wrote something there.
 */
export class MessageCells implements Interrupts {
  readonly vectors: number;
  readonly #cells: DmaBlock;
  readonly #words: Int32Array;

  readonly #config: RegisterWindow;
  readonly #structures: MsixStructures;
  readonly #table: Region;

  /** Takes a cell for every vector; `program` enables them. */
  constructor(config: RegisterWindow, dma: DmaSpace, structures: MsixStructures) {
    this.#config = config;
    this.#structures = structures;
    this.#table = structures.table();
    this.vectors = structures.vectors;
    this.#cells = dma.alloc(CELL_BYTES * this.vectors, { align: 64 });
    this.#words = new Int32Array(this.#cells.view.buffer, this.#cells.view.byteOffset, this.vectors);
  }

  /** Switches MSI-X off: the function then interrupts by its line. */
  disable(): void {
    const at = this.#structures.position + msixCapability.fields.message_control.offset;
    this.#config.write(at, 2, this.#config.read(at, 2) & ~MsixControl.ENABLE);
  }

  /** Aims every entry of the table at its cell and enables MSI-X. */
  program(): void {
    this.#words.fill(0);
    this.#cells.publish();
    const { window, offset } = this.#table;
    for (let vector = 0; vector < this.vectors; vector++)
      this.#entry(window, offset + vector * msixEntry.size, vector);
    const at = this.#structures.position + msixCapability.fields.message_control.offset;
    const control = this.#config.read(at, 2) & ~MsixControl.FUNCTION_MASK;
    this.#config.write(at, 2, control | MsixControl.ENABLE);
  }

  #entry(window: RegisterWindow, at: number, vector: number): void {
    const address = this.#cells.iova + BigInt(CELL_BYTES * vector);
    const { address_low, address_high, data, control } = msixEntry.fields;
    window.write(at + address_low.offset, 4, Number(address & 0xffffffffn));
    window.write(at + address_high.offset, 4, Number(address >> 32n));
    window.write(at + data.offset, 4, messageOf(vector));
    window.write(at + control.offset, 4, 0);
  }

  raised(vector: number): boolean {
    this.#cells.fetch(CELL_BYTES * vector, CELL_BYTES);
    return Atomics.load(this.#words, vector) !== 0;
  }

  clear(vector: number): void {
    Atomics.store(this.#words, vector, 0);
    this.#cells.publish(CELL_BYTES * vector, CELL_BYTES);
  }
}
