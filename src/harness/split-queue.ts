/** The driver's side of a split virtqueue ("Split Virtqueues"). Nothing that the device wrote is trusted. */
import type { DmaSpace } from '../port/dma-space.js';
import {
  AvailFlag,
  availRing,
  DescFlag,
  descTableBytes,
  usedRing,
  vringDesc,
  vringUsedElem,
} from '../wire/split-ring.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';

/** One buffer of a descriptor chain. */
export interface ChainElement {
  readonly iova: bigint;
  readonly length: number;
  readonly writable: boolean;
}

/** A descriptor chain that the driver has placed. */
export interface Chain {
  /** Index of its first descriptor, by which the device returns it. */
  readonly head: number;
  /** The descriptors of the table that it occupies. */
  readonly slots: readonly number[];
  /** Its indirect table, if it has one. */
  readonly table: GuardedBuffer | undefined;
}

/** One entry of the used ring. */
export interface UsedEntry {
  /** Position in the used ring, a free-running 16-bit index. */
  readonly index: number;
  readonly id: number;
  readonly len: number;
  /** The chain that it returns; undefined when no such chain is outstanding. */
  readonly chain: Chain | undefined;
}

/** What one look at the used ring gave. */
export interface Poll {
  readonly entries: readonly UsedEntry[];
  /** Set when used idx moved further than there were chains to return. */
  readonly implausible:
    | { readonly from: number; readonly to: number; readonly outstanding: number }
    | undefined;
}

/** How a chain is laid into the table: direct, or from which element on in an indirect table. */
export type IndirectFrom = number | undefined;

const NO_ENTRIES: Poll = { entries: [], implausible: undefined };

/** A split queue in memory. Which queue of the device it is, and how it is notified, is not its concern. */
export class SplitQueue {
  readonly size: number;
  readonly desc: GuardedBuffer;
  readonly avail: GuardedBuffer;
  readonly used: GuardedBuffer;
  readonly #dma: DmaSpace;
  readonly #poison: Poison;
  readonly #free: number[];
  readonly #outstanding = new Map<number, Chain>();
  readonly #descView: DataView;
  readonly #availView: DataView;
  readonly #usedView: DataView;
  /** used idx as an aligned 16-bit word, so that polling it is one plain load that cannot be optimised away. */
  readonly #usedIdx: Uint16Array;
  readonly #shadowDesc: Uint8Array;
  readonly #shadowAvail: Uint8Array;
  #availIdx = 0;
  #seenUsed = 0;

  /** Allocates the three areas, zeroed; `size` is a power of two. */
  constructor(dma: DmaSpace, poison: Poison, size: number) {
    this.#dma = dma;
    this.#poison = poison;
    this.size = size;
    this.desc = new GuardedBuffer(dma, poison, new Uint8Array(descTableBytes(size)));
    this.avail = new GuardedBuffer(dma, poison, new Uint8Array(availRing.bytes(size)));
    this.used = new GuardedBuffer(dma, poison, new Uint8Array(usedRing.bytes(size)));
    this.#descView = viewOf(this.desc.view);
    this.#availView = viewOf(this.avail.view);
    this.#usedView = viewOf(this.used.view);
    this.#usedIdx = new Uint16Array(this.used.view.buffer, this.used.view.byteOffset + usedRing.idx, 1);
    this.#shadowDesc = new Uint8Array(this.desc.size);
    this.#shadowAvail = new Uint8Array(this.avail.size);
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i);
  }

  /** Chains that the device has and has not returned. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Asks the device not to interrupt, or lifts that. Without VIRTIO_F_EVENT_IDX only, and a hint even then. */
  suppressInterrupts(suppress: boolean): void {
    this.#availView.setUint16(availRing.flags, suppress ? AvailFlag.NO_INTERRUPT : 0, true);
    this.avail.publishRange(availRing.flags, 2);
    this.#shadowAvail.set(this.avail.view);
  }

  /**
   * Places a chain without publishing it. `indirectFrom`: the elements from that one on go to an indirect table.
   * Throws RangeError when the table has no room.
   */
  stage(elements: readonly ChainElement[], indirectFrom: IndirectFrom): Chain {
    const direct = indirectFrom === undefined ? elements : elements.slice(0, indirectFrom);
    const needed = direct.length + (indirectFrom === undefined ? 0 : 1);
    if (needed === 0 || needed > this.#free.length)
      throw new RangeError(
        `the chain needs ${needed} descriptors, ${this.#free.length} of ${this.size} are free`,
      );
    const table = indirectFrom === undefined ? undefined : this.#indirectTable(elements.slice(indirectFrom));
    const slots: number[] = [];
    for (let i = 0; i < needed; i++) slots.push(this.#free.pop() as number);
    for (const [i, slot] of slots.entries()) {
      const element = direct[i];
      const next = slots[i + 1];
      if (element) this.#writeDescriptor(slot, element, next);
      else if (table) this.#writeRaw(slot, table.iova, table.size, DescFlag.INDIRECT, 0);
      this.desc.publishRange(slot * vringDesc.size, vringDesc.size);
    }
    const head = slots[0] as number;
    return { head, slots, table };
  }

  /** Makes staged chains available in this order by one update of avail idx. Notifying is the caller's. */
  publish(chains: readonly Chain[]): void {
    for (const chain of chains) {
      const at = availRing.entry(this.#availIdx % this.size);
      this.#availView.setUint16(at, chain.head, true);
      this.avail.publishRange(at, 2);
      this.#outstanding.set(chain.head, chain);
      this.#availIdx = (this.#availIdx + 1) & 0xffff;
    }
    // The entries must be visible before the index that announces them. x86 keeps stores in order and a
    // JavaScript store through a DataView is a plain one; Atomics adds the fence where the CPU needs it.
    Atomics.store(FENCE, 0, 1);
    this.#availView.setUint16(availRing.idx, this.#availIdx, true);
    this.avail.publishRange(availRing.idx, 2);
    this.#shadowDesc.set(this.desc.view);
    this.#shadowAvail.set(this.avail.view);
  }

  /** Whether used idx has moved since the last `poll`. */
  hasUsed(): boolean {
    this.used.fetchRange(usedRing.idx, 2);
    return Atomics.load(this.#usedIdx, 0) !== this.#seenUsed;
  }

  /** Takes what the device has returned since the last look. */
  poll(): Poll {
    if (!this.hasUsed()) return NO_ENTRIES;
    const to = Atomics.load(this.#usedIdx, 0);
    const moved = (to - this.#seenUsed) & 0xffff;
    const outstanding = this.#outstanding.size;
    const implausible = moved > outstanding ? { from: this.#seenUsed, to, outstanding } : undefined;
    const entries: UsedEntry[] = [];
    // An index that jumped announces entries that cannot be there: only as many as are owed are looked at.
    for (let i = 0; i < Math.min(moved, outstanding); i++)
      entries.push(this.#usedEntry((this.#seenUsed + i) & 0xffff));
    this.#seenUsed = to;
    return { entries, implausible };
  }

  /** The first driver-owned ring byte that the device changed, in words; undefined when all are as written. */
  tampered(): string | undefined {
    this.desc.fetch();
    this.avail.fetch();
    const places: readonly [string, Uint8Array, Uint8Array][] = [
      ['descriptor table', this.desc.view, this.#shadowDesc],
      ['available ring', this.avail.view, this.#shadowAvail],
    ];
    for (const [name, now, shadow] of places) {
      if (Buffer.compare(now, shadow) === 0) continue;
      const at = now.findIndex((byte, i) => byte !== shadow[i]);
      return `${name}, byte ${at}: ${hexByte(shadow[at])} became ${hexByte(now[at])}`;
    }
    return undefined;
  }

  /** The first ring area whose guard bytes changed, in words. */
  overrun(): string | undefined {
    const areas: readonly [string, GuardedBuffer][] = [
      ['descriptor table', this.desc],
      ['available ring', this.avail],
      ['used ring', this.used],
    ];
    for (const [name, buffer] of areas) {
      buffer.fetch();
      const at = buffer.brokenGuard();
      if (at !== undefined) return `guard of the ${name}, byte ${at}`;
    }
    return undefined;
  }

  #usedEntry(index: number): UsedEntry {
    const at = usedRing.entry(index % this.size);
    this.used.fetchRange(at, vringUsedElem.size);
    const id = this.#usedView.getUint32(at, true);
    const len = this.#usedView.getUint32(at + 4, true);
    const chain = this.#outstanding.get(id);
    if (chain) {
      this.#outstanding.delete(id);
      for (const slot of chain.slots) this.#free.push(slot);
    }
    return { index, id, len, chain };
  }

  #indirectTable(elements: readonly ChainElement[]): GuardedBuffer {
    const bytes = new Uint8Array(vringDesc.size * elements.length);
    for (const [i, { iova, length, writable }] of elements.entries()) {
      const more = i + 1 < elements.length;
      const flags = (writable ? DescFlag.WRITE : 0) | (more ? DescFlag.NEXT : 0);
      vringDesc.write(bytes, { addr: iova, len: length, flags, next: more ? i + 1 : 0 }, i * vringDesc.size);
    }
    return new GuardedBuffer(this.#dma, this.#poison, bytes);
  }

  #writeDescriptor(slot: number, { iova, length, writable }: ChainElement, next: number | undefined): void {
    const flags = (writable ? DescFlag.WRITE : 0) | (next === undefined ? 0 : DescFlag.NEXT);
    this.#writeRaw(slot, iova, length, flags, next ?? 0);
  }

  #writeRaw(slot: number, addr: bigint, len: number, flags: number, next: number): void {
    const at = slot * vringDesc.size;
    const { fields } = vringDesc;
    this.#descView.setBigUint64(at + fields.addr.offset, addr, true);
    this.#descView.setUint32(at + fields.len.offset, len, true);
    this.#descView.setUint16(at + fields.flags.offset, flags, true);
    this.#descView.setUint16(at + fields.next.offset, next, true);
  }
}

const FENCE = new Int32Array(1);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hexByte(value: number | undefined): string {
  return value === undefined ? '??' : value.toString(16).padStart(2, '0');
}
