/** The driver's side of a split virtqueue ("Split Virtqueues"). Nothing that the device wrote is trusted. */
import type { DmaSpace } from '../port/dma-space.js';
import {
  availRing,
  crossedEvent,
  DescFlag,
  descTableBytes,
  SplitAlign,
  UsedFlag,
  usedRing,
  vringDesc,
  vringUsedElem,
} from '../wire/split-ring.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type {
  Chain,
  ChainElement,
  IndirectFrom,
  Poll,
  Ring,
  RingAreas,
  RingField,
  RingOptions,
  UsedEntry,
} from './ring.js';

const NO_ENTRIES: Poll = { entries: [], implausible: undefined };

/** A split queue in memory. */
export class SplitQueue implements Ring {
  readonly size: number;
  readonly areas: RingAreas;
  /** Whether VIRTIO_F_EVENT_IDX was negotiated. */
  readonly eventIdx: boolean;
  readonly #desc: GuardedBuffer;
  readonly #avail: GuardedBuffer;
  readonly #used: GuardedBuffer;
  readonly #dma: DmaSpace;
  readonly #poison: Poison;
  readonly #free: number[];
  readonly #outstanding = new Map<number, Chain>();
  readonly #availView: DataView;
  readonly #usedView: DataView;
  /** used idx as an aligned 16-bit word, so that polling it is one plain load that cannot be optimised away. */
  readonly #usedIdx: Uint16Array;
  readonly #shadowDesc: Uint8Array;
  readonly #shadowAvail: Uint8Array;
  /** Fields that were written by hand: they stay as they are. */
  readonly #byHand = new Set<string>();
  #availIdx = 0;
  #seenUsed = 0;

  /** Allocates the three areas, zeroed; `size` is a power of two. */
  constructor(
    dma: DmaSpace,
    poison: Poison,
    size: number,
    { eventIdx = false, tight = false, reuse }: RingOptions = {},
  ) {
    this.#dma = dma;
    this.#poison = poison;
    this.size = size;
    this.eventIdx = eventIdx;
    const area = (bytes: number, align: number, before: GuardedBuffer | undefined) => {
      if (before?.size !== bytes)
        return new GuardedBuffer(dma, poison, new Uint8Array(bytes), tight ? align : undefined);
      before.view.fill(0);
      before.publishRange(0, bytes);
      return before;
    };
    this.#desc = area(descTableBytes(size), SplitAlign.desc, reuse?.desc);
    this.#avail = area(availRing.bytes(size), SplitAlign.avail, reuse?.driver);
    this.#used = area(usedRing.bytes(size), SplitAlign.used, reuse?.device);
    this.areas = { desc: this.#desc, driver: this.#avail, device: this.#used };
    this.#availView = viewOf(this.#avail.view);
    this.#usedView = viewOf(this.#used.view);
    this.#usedIdx = new Uint16Array(this.#used.view.buffer, this.#used.view.byteOffset + usedRing.idx, 1);
    this.#shadowDesc = new Uint8Array(this.#desc.size);
    this.#shadowAvail = new Uint8Array(this.#avail.size);
    this.#free = Array.from({ length: size }, (_, i) => size - 1 - i);
  }

  /** Chains that the device has and has not returned. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** The descriptor that the next chain begins with; undefined when the table is full. */
  get nextSlot(): number | undefined {
    return this.#free.at(-1);
  }

  /** Whether the next used buffer must raise an interrupt, as far as the driver itself looks after suppression. */
  get interruptDue(): boolean {
    if (this.#byHand.has('used_event') || this.#byHand.has('avail.flags')) return false;
    return true;
  }

  /**
   * Places a chain without publishing it. `indirectFrom`: the elements from that one on go to an indirect table.
   * Throws RangeError when the table has no room.
   */
  stage(elements: readonly ChainElement[], indirectFrom: IndirectFrom): Chain {
    const direct =
      indirectFrom === undefined
        ? elements
        : [
            ...elements.slice(0, indirectFrom),
            { iova: 0n, length: 0, writable: false, table: elements.slice(indirectFrom) },
          ];
    if (direct.length === 0 || direct.length > this.#free.length)
      throw new RangeError(
        `the chain needs ${direct.length} descriptors, ${this.#free.length} of ${this.size} are free`,
      );
    const tables: GuardedBuffer[] = [];
    const slots = direct.map(() => this.#free.pop() as number);
    this.#writeChain(direct, slots, this.#desc.view, tables);
    for (const slot of slots) {
      const at = slot * vringDesc.size;
      this.#desc.publishRange(at, vringDesc.size);
      this.#shadowDesc.set(this.#desc.view.subarray(at, at + vringDesc.size), at);
    }
    return { head: slots[0] as number, slots, tables };
  }

  /**
   * Makes staged chains available in this order by one update of avail idx. Notifying is the caller's. Returns what
   * avail idx was before, for `asksForKick`.
   */
  publish(chains: readonly Chain[]): number {
    const before = this.#availIdx;
    for (const chain of chains) {
      const at = availRing.entry(this.#availIdx % this.size);
      this.#availView.setUint16(at, chain.head, true);
      this.#avail.publishRange(at, 2);
      this.#outstanding.set(chain.head, chain);
      this.#availIdx = (this.#availIdx + 1) & 0xffff;
    }
    if (this.eventIdx && !this.#byHand.has('used_event'))
      this.#writeAvail(availRing.usedEvent(this.size), this.#seenUsed);
    // The entries must be visible before the index that announces them. x86 keeps stores in order and a
    // JavaScript store through a DataView is a plain one; Atomics adds the fence where the CPU needs it.
    Atomics.store(FENCE, 0, 1);
    if (!this.#byHand.has('avail.idx')) this.#writeAvail(availRing.idx, this.#availIdx);
    this.#shadowAvail.set(this.#avail.view);
    return before;
  }

  /** Whether the device wants to hear of what was published since: by used.flags or, with VIRTIO_F_EVENT_IDX, by avail_event. */
  asksForKick(before: number): boolean {
    this.#used.fetch();
    if (!this.eventIdx) return (this.#usedView.getUint16(usedRing.flags, true) & UsedFlag.NO_NOTIFY) === 0;
    return crossedEvent(
      this.#usedView.getUint16(usedRing.availEvent(this.size), true),
      this.#availIdx,
      before,
    );
  }

  /** Whether used idx has moved since the last `poll`. */
  hasUsed(): boolean {
    this.#used.fetchRange(usedRing.idx, 2);
    return Atomics.load(this.#usedIdx, 0) !== this.#seenUsed;
  }

  /** Takes what the device has returned since the last look. */
  poll(): Poll {
    if (!this.hasUsed()) return NO_ENTRIES;
    const to = Atomics.load(this.#usedIdx, 0);
    const moved = (to - this.#seenUsed) & 0xffff;
    const outstanding = this.#outstanding.size;
    const implausible =
      moved > outstanding
        ? {
            expected: `used idx at most ${outstanding} beyond ${this.#seenUsed}, the number of outstanding chains`,
            got: `used idx ${to}`,
          }
        : undefined;
    const entries: UsedEntry[] = [];
    // An index that jumped announces entries that cannot be there: only as many as are owed are looked at.
    for (let i = 0; i < Math.min(moved, outstanding); i++)
      entries.push(this.#usedEntry((this.#seenUsed + i) & 0xffff));
    this.#seenUsed = to;
    return { entries, implausible };
  }

  /**
   * A field of the rings by its name in case files: `avail.flags`, `used.idx`, `used_event`, `desc` with an index and
   * one of its fields. Throws RangeError for a field that a split ring has not or an index that is too large.
   */
  field(path: string, index?: number, part?: string): RingField {
    const entry = (count: number): number => {
      if (index === undefined || index >= count)
        throw new RangeError(`${path}[${index ?? ''}]: the ring has ${count}`);
      return index;
    };
    switch (path) {
      case 'avail.flags':
        return { buffer: this.#avail, offset: availRing.flags, size: 2 };
      case 'avail.idx':
        return { buffer: this.#avail, offset: availRing.idx, size: 2 };
      case 'avail.ring':
        return { buffer: this.#avail, offset: availRing.entry(entry(this.size)), size: 2 };
      case 'used_event':
        return { buffer: this.#avail, offset: availRing.usedEvent(this.size), size: 2 };
      case 'used.flags':
        return { buffer: this.#used, offset: usedRing.flags, size: 2 };
      case 'used.idx':
        return { buffer: this.#used, offset: usedRing.idx, size: 2 };
      case 'avail_event':
        return { buffer: this.#used, offset: usedRing.availEvent(this.size), size: 2 };
      case 'used.ring':
        return within(this.#used, usedRing.entry(entry(this.size)), vringUsedElem, part);
      case 'desc':
        return within(this.#desc, entry(this.size) * vringDesc.size, vringDesc, part);
      default:
        throw new RangeError(`a split ring has no field ${path}`);
    }
  }

  /** Writes a field by hand. From then on the harness leaves it as it is. */
  writeField(path: string, index: number | undefined, part: string | undefined, bytes: Uint8Array): void {
    const { buffer, offset } = this.field(path, index, part);
    buffer.view.set(bytes, offset);
    buffer.publishRange(offset, bytes.length);
    this.#byHand.add(path);
    if (buffer === this.#desc) this.#shadowDesc.set(bytes, offset);
    if (buffer === this.#avail) this.#shadowAvail.set(bytes, offset);
  }

  /** The first driver-owned ring byte that the device changed, in words; undefined when all are as written. */
  tampered(): string | undefined {
    this.#desc.fetch();
    this.#avail.fetch();
    const places: readonly [string, Uint8Array, Uint8Array][] = [
      ['descriptor table', this.#desc.view, this.#shadowDesc],
      ['available ring', this.#avail.view, this.#shadowAvail],
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
      ['descriptor table', this.#desc],
      ['available ring', this.#avail],
      ['used ring', this.#used],
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
    this.#used.fetchRange(at, vringUsedElem.size);
    const id = this.#usedView.getUint32(at, true);
    const len = this.#usedView.getUint32(at + 4, true);
    const chain = this.#outstanding.get(id);
    if (chain) {
      this.#outstanding.delete(id);
      // The last is taken first: a queue at rest uses the same descriptors again.
      for (const slot of chain.slots.toReversed()) this.#free.push(slot);
    }
    return { index, id, len, chain };
  }

  #writeAvail(offset: number, value: number): void {
    this.#availView.setUint16(offset, value, true);
    this.#avail.publishRange(offset, 2);
  }

  /** Writes the descriptors of a chain or table; element i goes to place `places[i]` of `target`. */
  #writeChain(
    elements: readonly ChainElement[],
    places: readonly number[],
    target: Uint8Array,
    tables: GuardedBuffer[],
  ): void {
    const view = viewOf(target);
    const { fields } = vringDesc;
    for (const [i, element] of elements.entries()) {
      const at = (places[i] ?? 0) * vringDesc.size;
      const next = places[i + 1];
      let { iova, length } = element;
      let flags = (element.writable ? DescFlag.WRITE : 0) | (next === undefined ? 0 : DescFlag.NEXT);
      if (element.table) {
        const table = this.#indirectTable(element.table, tables);
        iova = table.iova;
        length = table.size;
        flags |= DescFlag.INDIRECT;
      }
      const { overrides } = element;
      const after = overrides?.next === undefined ? (next ?? 0) : (places[overrides.next] ?? overrides.next);
      view.setBigUint64(at + fields.addr.offset, BigInt.asUintN(64, iova), true);
      view.setUint32(at + fields.len.offset, overrides?.len ?? length, true);
      view.setUint16(
        at + fields.flags.offset,
        overrides?.flags ?? flags | (overrides?.next === undefined ? 0 : DescFlag.NEXT),
        true,
      );
      view.setUint16(at + fields.next.offset, after, true);
    }
  }

  #indirectTable(elements: readonly ChainElement[], tables: GuardedBuffer[]): GuardedBuffer {
    const bytes = new Uint8Array(vringDesc.size * elements.length);
    this.#writeChain(
      elements,
      elements.map((_, i) => i),
      bytes,
      tables,
    );
    const table = new GuardedBuffer(this.#dma, this.#poison, bytes);
    tables.push(table);
    return table;
  }
}

const FENCE = new Int32Array(1);

/** A field of an entry, or the whole entry. */
function within(
  buffer: GuardedBuffer,
  at: number,
  layout: {
    readonly size: number;
    readonly fields: Readonly<Record<string, { offset: number; size: number }>>;
  },
  part: string | undefined,
): RingField {
  if (part === undefined) return { buffer, offset: at, size: layout.size };
  const field = layout.fields[part];
  if (field === undefined)
    throw new RangeError(`there is no ${part}; there are ${Object.keys(layout.fields).join(', ')}`);
  return { buffer, offset: at + field.offset, size: field.size };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hexByte(value: number | undefined): string {
  return value === undefined ? '??' : value.toString(16).padStart(2, '0');
}
