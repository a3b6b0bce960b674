/** MSI-X: messages are 32-bit DMA writes to the address in the table entry (PCI Local Bus 3.0, "MSI-X"). */
import { MsixVectorControl, msixEntry } from '../../wire/pci.js';
import { VIRTIO_MSI_NO_VECTOR } from '../../wire/virtio-pci.js';
import type { Behaviours } from '../behaviours.js';
import { DmaFault } from '../errors.js';
import type { ModelMemory } from '../memory.js';
import type { AccessWidth, RegisterRange } from '../register-window.js';

function readBytes(view: DataView, offset: number, width: AccessWidth): number {
  return width === 1
    ? view.getUint8(offset)
    : width === 2
      ? view.getUint16(offset, true)
      : view.getUint32(offset, true);
}

/** Table, pending bits and delivery. Enable and mask bits live in configuration space and are told by `control`. */
export class Msix {
  readonly vectors: number;
  readonly table: RegisterRange;
  readonly pendingBits: RegisterRange;
  readonly tableBytes: number;
  readonly pendingBytes: number;
  enabled = false;
  /** Whether the driver has ever written to the table: whoever has not keeps one of its own. */
  written = false;
  #functionMask = false;
  readonly #table: DataView;
  readonly #pending: DataView;
  readonly #memory: ModelMemory;
  readonly #mayWrite: () => boolean;
  readonly #behaviours: Behaviours;

  /** `mayWrite` says whether the function may write to memory (bus master). */
  constructor(vectors: number, memory: ModelMemory, behaviours: Behaviours, mayWrite: () => boolean) {
    this.vectors = vectors;
    this.#behaviours = behaviours;
    this.tableBytes = vectors * msixEntry.size;
    this.pendingBytes = Math.ceil(vectors / 64) * 8;
    this.#table = new DataView(new ArrayBuffer(this.tableBytes));
    this.#pending = new DataView(new ArrayBuffer(this.pendingBytes));
    this.#memory = memory;
    this.#mayWrite = mayWrite;
    for (let vector = 0; vector < vectors; vector++)
      this.#table.setUint32(this.#control(vector), MsixVectorControl.MASKED, true);
    this.table = {
      read: (offset, width) => readBytes(this.#table, offset, width),
      write: (offset, width, value) => {
        this.written = true;
        for (let at = 0; at < width; at++) this.#table.setUint8(offset + at, (value >>> (8 * at)) & 0xff);
        this.deliverPending();
      },
    };
    this.pendingBits = {
      read: (offset, width) => this.#behaviours.msixPending(readBytes(this.#pending, offset, width)),
      write: () => {},
    };
  }

  /** What a vector register shows after a write: NO_VECTOR for a vector that there is not. */
  usable(vector: number): number {
    return vector < this.vectors ? vector : VIRTIO_MSI_NO_VECTOR;
  }

  /** Takes over the enable and function mask bits of message control. */
  control(enabled: boolean, functionMask: boolean): void {
    this.enabled = enabled;
    this.#functionMask = functionMask;
    this.deliverPending();
  }

  /** Sends the vector's message, or leaves it pending while masked. Vectors beyond the table are ignored. */
  raise(vector: number): void {
    if (!this.enabled || vector >= this.vectors) return;
    if (this.#masked(vector) || !this.#mayWrite()) {
      this.#setPending(vector, true);
      return;
    }
    this.#setPending(vector, false);
    const sent = this.#behaviours.msixVector(vector);
    if (sent !== undefined) this.#send(sent);
  }

  #send(vector: number): void {
    const at = vector * msixEntry.size;
    const address =
      (BigInt(this.#table.getUint32(at + 4, true)) << 32n) | BigInt(this.#table.getUint32(at, true));
    try {
      this.#memory.at(address, 4).set(new Uint8Array(this.#table.buffer, at + 8, 4));
    } catch (error) {
      // A message to nowhere is lost on the bus; the function never learns of it.
      if (!(error instanceof DmaFault)) throw error;
    }
  }

  /** Sends what was pending and may be sent by now. */
  deliverPending(): void {
    if (!this.enabled) return;
    for (let vector = 0; vector < this.vectors; vector++) if (this.#isPending(vector)) this.raise(vector);
  }

  /** Forgets what is pending: after a device reset no notification may follow. */
  clearPending(): void {
    for (let at = 0; at < this.pendingBytes; at++) this.#pending.setUint8(at, 0);
  }

  #control(vector: number): number {
    return vector * msixEntry.size + msixEntry.fields.control.offset;
  }

  #masked(vector: number): boolean {
    const masked = (this.#table.getUint32(this.#control(vector), true) & MsixVectorControl.MASKED) !== 0;
    return this.#behaviours.msixMasked(this.#functionMask || masked, vector);
  }

  #isPending(vector: number): boolean {
    return ((this.#pending.getUint8(vector >> 3) >> (vector & 7)) & 1) === 1;
  }

  #setPending(vector: number, pending: boolean): void {
    const byte = this.#pending.getUint8(vector >> 3) & ~(1 << (vector & 7));
    this.#pending.setUint8(vector >> 3, byte | (pending ? 1 << (vector & 7) : 0));
  }
}
