/** The driver's side of a split virtqueue ("Split Virtqueues"). */
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
import { legacyAreas } from './legacy-areas.js';
import { RingFull } from './limits.js';
import type { Poison } from './poison.js';
import type {
  Chain,
  ChainElement,
  DescriptorOverrides,
  DeviceArea,
  IndirectFrom,
  Poll,
  Ring,
  RingAreas,
  RingField,
  RingOptions,
  UsedEntry,
} from './ring.js';
import {
  batchUpTo,
  countdown,
  directElements,
  entryField,
  entryIndex,
  fence,
  firstChange,
  firstOverrun,
  ringArea,
  viewOf,
  writeRingField,
} from './ring-memory.js';

const NO_ENTRIES: Poll = { entries: [], implausible: undefined };

/** One descriptor of a chain or table, but for its place. */
interface Descriptor {
  readonly iova: bigint;
  readonly length: number;
  readonly flags: number;
  readonly overrides: DescriptorOverrides | undefined;
}

/** A chain of this ring. */
class SplitChain implements Chain {
  readonly tables: readonly GuardedBuffer[];
  readonly descriptors: readonly Descriptor[];
  slots: readonly number[] = [];

  constructor(descriptors: readonly Descriptor[], tables: readonly GuardedBuffer[]) {
    this.descriptors = descriptors;
    this.tables = tables;
  }

  get head(): number {
    return this.slots[0] ?? 0;
  }

  get id(): number {
    return this.head;
  }
}

/** A split queue in memory. */
export class SplitQueue implements Ring {
  readonly size: number;
  readonly areas: RingAreas;
  readonly deviceAreas: readonly DeviceArea[];
  readonly #desc: GuardedBuffer;
  readonly #avail: GuardedBuffer;
  readonly #used: GuardedBuffer;
  readonly #eventIdx: boolean;
  readonly #inOrder: boolean;
  readonly #dma: DmaSpace;
  readonly #poison: Poison;
  /** Descriptors that no chain has; with VIRTIO_F_IN_ORDER the next to be used is the first, else the last. */
  #free: number[];
  /** Descriptors that staged chains will take when they are published. */
  #reserved = 0;
  /** By id, in the order in which they were made available. */
  readonly #outstanding = new Map<number, SplitChain>();
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
  /** used_event, and whether the device cannot have been past it when it was written. */
  #armed = { at: 0, surely: true };

  /** Allocates the three areas, zeroed; `size` is a power of two. */
  constructor(
    dma: DmaSpace,
    poison: Poison,
    size: number,
    { eventIdx = false, inOrder = false, tight = false, contiguous, reuse }: RingOptions = {},
  ) {
    this.#dma = dma;
    this.#poison = poison;
    this.size = size;
    this.#eventIdx = eventIdx;
    this.#inOrder = inOrder;
    const area = (bytes: number, align: number, before: GuardedBuffer | undefined) =>
      ringArea(dma, poison, bytes, { align, tight, before });
    const given =
      reuse ?? (contiguous === undefined ? undefined : legacyAreas(dma, poison, size, contiguous));
    this.#desc = area(descTableBytes(size), SplitAlign.desc, given?.desc);
    this.#avail = area(availRing.bytes(size), SplitAlign.avail, given?.driver);
    this.#used = area(usedRing.bytes(size), SplitAlign.used, given?.device);
    this.areas = { desc: this.#desc, driver: this.#avail, device: this.#used };
    this.deviceAreas = [{ what: 'used ring', buffer: this.#used }];
    this.#availView = viewOf(this.#avail.view);
    this.#usedView = viewOf(this.#used.view);
    this.#usedIdx = new Uint16Array(this.#used.view.buffer, this.#used.view.byteOffset + usedRing.idx, 1);
    this.#shadowDesc = new Uint8Array(this.#desc.size);
    this.#shadowAvail = new Uint8Array(this.#avail.size);
    this.#free = inOrder ? countdown(size).reverse() : countdown(size);
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  get nextSlot(): number | undefined {
    return this.#inOrder ? this.#free[0] : this.#free.at(-1);
  }

  readonly nextWrap = undefined;

  get notificationData(): number {
    return this.#availIdx;
  }

  get interruptDue(): boolean {
    if (!this.#eventIdx) return !this.#byHand.has('avail.flags');
    return this.#armed.surely && !this.#byHand.has('used_event');
  }

  stage(elements: readonly ChainElement[], indirectFrom: IndirectFrom): Chain {
    const direct = directElements(elements, indirectFrom);
    const free = this.#free.length - this.#reserved;
    if (direct.length === 0 || direct.length > free) throw new RingFull(direct.length, free, this.size);
    const tables: GuardedBuffer[] = [];
    const chain = new SplitChain(this.#describe(direct, tables), tables);
    // In order, a chain's descriptors follow those of the chain that is made available before it.
    if (this.#inOrder) this.#reserved += direct.length;
    else this.#place(chain);
    return chain;
  }

  publish(chains: readonly Chain[]): number {
    const before = this.#availIdx;
    for (const chain of chains as readonly SplitChain[]) {
      if (this.#inOrder) {
        this.#reserved -= chain.descriptors.length;
        this.#place(chain);
      }
      const at = availRing.entry(this.#availIdx % this.size);
      this.#availView.setUint16(at, chain.head, true);
      this.#avail.publishRange(at, 2);
      this.#outstanding.set(chain.head, chain);
      this.#availIdx = (this.#availIdx + 1) & 0xffff;
    }
    this.#arm();
    // The entries must be visible before the index that announces them.
    fence();
    if (!this.#byHand.has('avail.idx')) this.#writeAvail(availRing.idx, this.#availIdx);
    this.#shadowAvail.set(this.#avail.view);
    return before;
  }

  asksForKick(before: number): boolean {
    fence();
    this.#used.fetch();
    if (!this.#eventIdx) return (this.#usedView.getUint16(usedRing.flags, true) & UsedFlag.NO_NOTIFY) === 0;
    return crossedEvent(
      this.#usedView.getUint16(usedRing.availEvent(this.size), true),
      this.#availIdx,
      before,
    );
  }

  hasUsed(): boolean {
    this.#used.fetchRange(usedRing.idx, 2);
    return Atomics.load(this.#usedIdx, 0) !== this.#seenUsed;
  }

  poll(): Poll {
    if (!this.hasUsed()) return NO_ENTRIES;
    const to = Atomics.load(this.#usedIdx, 0);
    const moved = (to - this.#seenUsed) & 0xffff;
    const outstanding = this.#outstanding.size;
    let implausible: Poll['implausible'] =
      moved > outstanding
        ? {
            expected: `used idx at most ${outstanding} beyond ${this.#seenUsed}, the number of outstanding chains`,
            got: `used idx ${to}`,
          }
        : undefined;
    const entries: UsedEntry[] = [];
    // An index that jumped announces entries that cannot be there: only as many as are owed are looked at.
    const owed = Math.min(moved, outstanding);
    for (let done = 0; done < owed; ) {
      const { batch, tooShort } = this.#take((this.#seenUsed + done) & 0xffff, owed - done);
      entries.push(...batch);
      implausible ??= tooShort;
      done += batch.length;
    }
    this.#seenUsed = to;
    if (this.#outstanding.size > 0) this.#arm();
    return { entries, implausible };
  }

  field(path: string, index?: number, part?: string): RingField {
    const entry = () => entryIndex(path, index, this.size);
    switch (path) {
      case 'avail.flags':
        return { buffer: this.#avail, offset: availRing.flags, size: 2 };
      case 'avail.idx':
        return { buffer: this.#avail, offset: availRing.idx, size: 2 };
      case 'avail.ring':
        return { buffer: this.#avail, offset: availRing.entry(entry()), size: 2 };
      case 'used_event':
        return { buffer: this.#avail, offset: availRing.usedEvent(this.size), size: 2 };
      case 'used.flags':
        return { buffer: this.#used, offset: usedRing.flags, size: 2 };
      case 'used.idx':
        return { buffer: this.#used, offset: usedRing.idx, size: 2 };
      case 'avail_event':
        return { buffer: this.#used, offset: usedRing.availEvent(this.size), size: 2 };
      case 'used.ring':
        return entryField(this.#used, usedRing.entry(entry()), vringUsedElem, part);
      case 'desc':
        return entryField(this.#desc, entry() * vringDesc.size, vringDesc, part);
      default:
        throw new RangeError(`a split ring has no field ${path}`);
    }
  }

  writeField(path: string, index: number | undefined, part: string | undefined, bytes: Uint8Array): void {
    const field = this.field(path, index, part);
    writeRingField(field, bytes);
    this.#byHand.add(path);
    if (field.buffer === this.#desc) this.#shadowDesc.set(bytes, field.offset);
    if (field.buffer === this.#avail) this.#shadowAvail.set(bytes, field.offset);
  }

  tampered(): string | undefined {
    this.#desc.fetch();
    this.#avail.fetch();
    return (
      firstChange('descriptor table', this.#desc.view, this.#shadowDesc) ??
      firstChange('available ring', this.#avail.view, this.#shadowAvail)
    );
  }

  overrun(): string | undefined {
    return firstOverrun([
      ['descriptor table', this.#desc],
      ['available ring', this.#avail],
      ['used ring', this.#used],
    ]);
  }

  /** Asks for an interrupt when the next entry is written. */
  #arm(): void {
    if (!this.#eventIdx || this.#byHand.has('used_event') || this.#armed.at === this.#seenUsed) return;
    const offset = availRing.usedEvent(this.size);
    this.#writeAvail(offset, this.#seenUsed);
    this.#shadowAvail.set(this.#avail.view.subarray(offset, offset + 2), offset);
    fence();
    this.#armed = { at: this.#seenUsed, surely: !this.hasUsed() };
  }

  /**
   * Takes what one used entry returns: a chain, or with VIRTIO_F_IN_ORDER all chains up to the one that it names. A
   * batch that is larger than used idx has moved is none: just the chain named is taken then.
   */
  #take(index: number, owed: number): { batch: UsedEntry[]; tooShort: Poll['implausible'] } {
    const slot = index % this.size;
    const at = usedRing.entry(slot);
    this.#used.fetchRange(at, vringUsedElem.size);
    const id = this.#usedView.getUint32(at, true);
    const len = this.#usedView.getUint32(at + 4, true);
    const chain = this.#outstanding.get(id);
    if (chain === undefined) return { batch: [{ index, slot, id, len, chain }], tooShort: undefined };
    const batch = this.#inOrder ? batchUpTo(chain, this.#outstanding.values()) : [chain];
    const fits = batch.length <= owed;
    const taken = fits ? batch : [chain];
    for (const each of taken) this.#giveBack(each);
    return {
      batch: taken.map((each) => ({ index, slot, id, len: each === chain ? len : undefined, chain: each })),
      tooShort: fits
        ? undefined
        : {
            expected: `used idx ${batch.length} further, since id ${id} ends a batch of as many chains`,
            got: `used idx ${owed} further`,
          },
    };
  }

  #giveBack(chain: SplitChain): void {
    this.#outstanding.delete(chain.head);
    if (this.#inOrder) this.#free.push(...chain.slots);
    // The last is taken first: a queue at rest uses the same descriptors again.
    else for (const slot of chain.slots.toReversed()) this.#free.push(slot);
  }

  #place(chain: SplitChain): void {
    const { length } = chain.descriptors;
    chain.slots = this.#inOrder ? this.#free.splice(0, length) : this.#free.splice(-length).reverse();
    writeDescriptors(chain.descriptors, chain.slots, this.#desc.view);
    for (const slot of chain.slots) {
      const at = slot * vringDesc.size;
      this.#desc.publishRange(at, vringDesc.size);
      this.#shadowDesc.set(this.#desc.view.subarray(at, at + vringDesc.size), at);
    }
  }

  #writeAvail(offset: number, value: number): void {
    this.#availView.setUint16(offset, value, true);
    this.#avail.publishRange(offset, 2);
  }

  /** The descriptors of a chain or table; tables that they refer to are made. */
  #describe(elements: readonly ChainElement[], tables: GuardedBuffer[]): Descriptor[] {
    return elements.map(({ iova, length, writable, table, overrides }) => {
      if (table === undefined) return { iova, length, flags: writable ? DescFlag.WRITE : 0, overrides };
      const bytes = new Uint8Array(vringDesc.size * table.length);
      writeDescriptors(this.#describe(table, tables), [...table.keys()], bytes);
      const buffer = new GuardedBuffer(this.#dma, this.#poison, bytes);
      tables.push(buffer);
      const flags = DescFlag.INDIRECT | (writable ? DescFlag.WRITE : 0);
      return { iova: buffer.iova, length: buffer.size, flags, overrides };
    });
  }
}

/** Writes the descriptors of a chain or table; the one with number i goes to place `places[i]` of `target`. */
function writeDescriptors(
  descriptors: readonly Descriptor[],
  places: readonly number[],
  target: Uint8Array,
): void {
  const view = viewOf(target);
  const { fields } = vringDesc;
  for (const [i, { iova, length, flags, overrides }] of descriptors.entries()) {
    const at = (places[i] ?? 0) * vringDesc.size;
    const next = overrides?.next;
    const after = places[i + 1];
    const linked = after === undefined && next === undefined ? 0 : DescFlag.NEXT;
    view.setBigUint64(at + fields.addr.offset, BigInt.asUintN(64, iova), true);
    view.setUint32(at + fields.len.offset, overrides?.len ?? length, true);
    view.setUint16(at + fields.flags.offset, overrides?.flags ?? flags | linked, true);
    view.setUint16(at + fields.next.offset, next === undefined ? (after ?? 0) : (places[next] ?? next), true);
  }
}
