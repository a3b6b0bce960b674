/** MSI-X as a driver sets it up; messages aimed at driver memory are seen without an interrupt controller. */
import type { DmaBlock, DmaSpace } from '../../port/dma-space.js';
import type { Interrupts } from '../../port/interrupts.js';
import type { PciAttachment } from '../../port/registers.js';
import { MsixControl, msixCapability, msixEntry } from '../../wire/pci.js';
import type { Region } from '../transport.js';
import type { MsixStructures } from './msix-structures.js';

const CELL_BYTES = 4;

/** Message data of a vector: never zero, and different for each, so that a mixed-up vector shows. */
const messageOf = (vector: number): number => 0x5c510000 | vector;

/** Switches the messages of a function on and off. */
export class MessageTable {
  readonly #pci: PciAttachment;
  readonly #structures: MsixStructures;
  /** Where the table was when it was first filled in: what is read-only is read once. */
  #table: Region | undefined;

  constructor(pci: PciAttachment, structures: MsixStructures) {
    this.#pci = pci;
    this.#structures = structures;
  }

  /** Fills in every entry, unmasked, and enables MSI-X. `addressOf` says where the message of a vector goes. */
  enable(addressOf: (vector: number) => bigint): void {
    this.#table ??= this.#structures.table();
    const { window, offset } = this.#table;
    const { address_low, address_high, data, control } = msixEntry.fields;
    for (let vector = 0; vector < this.#structures.vectors; vector++) {
      const at = offset + vector * msixEntry.size;
      const address = addressOf(vector);
      window.write(at + address_low.offset, 4, Number(address & 0xffffffffn));
      window.write(at + address_high.offset, 4, Number(address >> 32n));
      window.write(at + data.offset, 4, messageOf(vector));
      window.write(at + control.offset, 4, 0);
    }
    this.#control((bits) => (bits & ~MsixControl.FUNCTION_MASK) | MsixControl.ENABLE);
  }

  /** The function then interrupts by its line. */
  disable(): void {
    this.#control((bits) => bits & ~MsixControl.ENABLE);
  }

  #control(change: (bits: number) => number): void {
    const { config } = this.#pci;
    const at = this.#structures.position + msixCapability.fields.message_control.offset;
    config.write(at, 2, change(config.read(at, 2)));
  }
}

/**
 * Cells of memory, one for the message of each vector. A cell that is not zero has been raised; a message that
 * is not the vector's own counts as raised too, since the device wrote something there.
 */
export class MessageCells implements Interrupts {
  readonly vectors: number;
  readonly #cells: DmaBlock;
  readonly #words: Int32Array;

  constructor(vectors: number, dma: DmaSpace) {
    this.vectors = vectors;
    this.#cells = dma.alloc(CELL_BYTES * vectors, { align: 64 });
    this.#words = new Int32Array(this.#cells.view.buffer, this.#cells.view.byteOffset, vectors);
  }

  /** The address of a vector's cell. */
  address(vector: number): bigint {
    return this.#cells.iova + BigInt(CELL_BYTES * vector);
  }

  /** Forgets what was raised. */
  clearAll(): void {
    this.#words.fill(0);
    this.#cells.publish();
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
