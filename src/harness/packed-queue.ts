/** The driver's side of a packed virtqueue ("Packed Virtqueues"). */
import type { DmaSpace } from '../port/dma-space.js';
import {
  descRingBytes,
  EventFlags,
  EventMask,
  offWrap,
  PackedAlign,
  PackedDescFlag,
  pvirtqDesc,
  pvirtqEventSuppress,
} from '../wire/packed-ring.js';
import { GuardedBuffer } from './guarded-buffer.js';
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

const { AVAIL, USED, NEXT, WRITE, INDIRECT } = PackedDescFlag;
const DESC = pvirtqDesc.fields;
const EVENT = pvirtqEventSuppress.fields;

/** Parts of the event suppression structures by their names in case files. */
const EVENT_PARTS: Readonly<Record<string, Pick<RingField, 'offset' | 'bits'>>> = {
  off: { offset: EVENT.off_wrap.offset, bits: { shift: 0, mask: EventMask.offset } },
  wrap: { offset: EVENT.off_wrap.offset, bits: { shift: 15, mask: 1 } },
  flags: { offset: EVENT.flags.offset },
};

/** A place in the ring, and the wrap counter that holds there. */
interface Position {
  readonly slot: number;
  readonly wrap: boolean;
}

/** One descriptor of a chain or table, but for its place. */
interface Descriptor {
  readonly iova: bigint;
  readonly length: number;
  readonly flags: number;
  readonly overrides: DescriptorOverrides | undefined;
}

/** A chain of this ring. It has no place until it is laid into the ring. */
class PackedChain implements Chain {
  readonly descriptors: readonly Descriptor[];
  readonly tables: readonly GuardedBuffer[];
  slots: readonly number[] = [];
  id = 0;
  /** Where the first descriptor lies, and the flags that make it available. */
  first: { readonly slot: number; readonly flags: number } | undefined;

  constructor(descriptors: readonly Descriptor[], tables: readonly GuardedBuffer[]) {
    this.descriptors = descriptors;
    this.tables = tables;
  }

  get head(): number {
    return this.slots[0] ?? 0;
  }
}

/** A packed queue in memory. */
export class PackedQueue implements Ring {
  readonly size: number;
  readonly areas: RingAreas;
  readonly deviceAreas: readonly DeviceArea[];
  readonly #dma: DmaSpace;
  readonly #poison: Poison;
  readonly #eventIdx: boolean;
  readonly #inOrder: boolean;
  readonly #desc: GuardedBuffer;
  readonly #driverEvent: GuardedBuffer;
  readonly #deviceEvent: GuardedBuffer;
  readonly #descView: DataView;
  /** The descriptor ring as aligned 16-bit words: flags are looked at and set by one access. */
  readonly #words: Uint16Array;
  readonly #driverView: DataView;
  readonly #deviceView: DataView;
  readonly #shadowDesc: Uint8Array;
  readonly #shadowDriver: Uint8Array;
  /** Buffer ids that no chain has, in the order in which they will be given: the reverse of the ring's at first. */
  readonly #ids: number[];
  /** By id, in the order in which they were made available. */
  readonly #outstanding = new Map<number, PackedChain>();
  /** Where the next descriptor goes, and where the device returns the next chain. */
  #next: Position = { slot: 0, wrap: true };
  #used: Position = { slot: 0, wrap: true };
  /** Descriptors in the ring that no used descriptor has returned, and those that staged chains will take. */
  #occupied = 0;
  #reserved = 0;
  #returned = 0;
  /** The ring was used in a way that leaves open where the next used descriptor is to come. */
  #lost = false;
  /** Parts of the driver area were written by hand: it stays as it is. */
  #eventByHand = false;
  /** The position for which an interrupt was asked, and whether the device cannot have been past it then. */
  #armed: { readonly offWrap: number | undefined; readonly surely: boolean } = {
    offWrap: undefined,
    surely: true,
  };

  /** Allocates the three areas, zeroed. */
  constructor(
    dma: DmaSpace,
    poison: Poison,
    size: number,
    { eventIdx = false, inOrder = false, tight = false, reuse }: RingOptions = {},
  ) {
    this.#dma = dma;
    this.#poison = poison;
    this.size = size;
    this.#eventIdx = eventIdx;
    this.#inOrder = inOrder;
    const area = (bytes: number, align: number, before: GuardedBuffer | undefined) =>
      ringArea(dma, poison, bytes, { align, tight, before });
    this.#desc = area(descRingBytes(size), PackedAlign.desc, reuse?.desc);
    this.#driverEvent = area(pvirtqEventSuppress.size, PackedAlign.driver, reuse?.driver);
    this.#deviceEvent = area(pvirtqEventSuppress.size, PackedAlign.device, reuse?.device);
    this.areas = { desc: this.#desc, driver: this.#driverEvent, device: this.#deviceEvent };
    this.deviceAreas = [
      { what: 'descriptor ring', buffer: this.#desc },
      { what: 'device event suppression', buffer: this.#deviceEvent },
    ];
    const { view } = this.#desc;
    this.#descView = viewOf(view);
    this.#words = new Uint16Array(view.buffer, view.byteOffset, view.length / 2);
    this.#driverView = viewOf(this.#driverEvent.view);
    this.#deviceView = viewOf(this.#deviceEvent.view);
    this.#shadowDesc = new Uint8Array(this.#desc.size);
    this.#shadowDriver = new Uint8Array(this.#driverEvent.size);
    this.#ids = countdown(size);
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  get nextSlot(): number | undefined {
    return this.#occupied < this.size ? this.#next.slot : undefined;
  }

  get nextWrap(): number {
    return Number(this.#next.wrap);
  }

  get notificationData(): number {
    return offWrap(this.#next.slot, this.#next.wrap);
  }

  get interruptDue(): boolean {
    return !this.#eventByHand && (!this.#eventIdx || this.#armed.surely);
  }

  stage(elements: readonly ChainElement[], indirectFrom: IndirectFrom, tail = false): Chain {
    const direct = directElements(elements, indirectFrom);
    const free = this.size - this.#occupied - this.#reserved;
    if (direct.length === 0 || direct.length > free) throw new RingFull(direct.length, free, this.size);
    const tables: GuardedBuffer[] = [];
    const chain = new PackedChain(this.#describe(direct, tables), tables);
    if (tail) this.#place(chain);
    else this.#reserved += direct.length;
    return chain;
  }

  publish(chains: readonly Chain[]): number {
    const before = this.#line(this.#next);
    const placed = chains as readonly PackedChain[];
    for (const chain of placed) {
      if (chain.first !== undefined) continue;
      this.#reserved -= chain.descriptors.length;
      this.#place(chain);
    }
    for (const chain of placed) this.#outstanding.set(chain.id, chain);
    this.#arm();
    // The device finds chains from the first on: its flags, which make it available, are the last to be set.
    fence();
    for (const chain of placed.toReversed()) this.#makeAvailable(chain);
    return before;
  }

  asksForKick(before: number): boolean {
    fence();
    this.#deviceEvent.fetch();
    const flags = this.#deviceView.getUint16(EVENT.flags.offset, true) & EventMask.flags;
    if (flags === EventFlags.DISABLE) return false;
    const event = this.#deviceView.getUint16(EVENT.off_wrap.offset, true);
    const slot = event & EventMask.offset;
    // What the standard gives no meaning to must not keep the driver from notifying.
    if (flags !== EventFlags.DESC || !this.#eventIdx || slot >= this.size) return true;
    const lap = 2 * this.size;
    const behind = (line: number) => (line - before + lap) % lap;
    return (
      behind(this.#line({ slot, wrap: (event & EventMask.wrap) !== 0 })) < behind(this.#line(this.#next))
    );
  }

  hasUsed(): boolean {
    if (this.#lost) return false;
    const { slot, wrap } = this.#used;
    this.#desc.fetchRange(slot * pvirtqDesc.size + DESC.flags.offset, DESC.flags.size);
    const flags = Atomics.load(this.#words, flagsWord(slot));
    return (flags & (AVAIL | USED)) === (wrap ? AVAIL | USED : 0);
  }

  poll(): Poll {
    const entries: UsedEntry[] = [];
    let implausible: Poll['implausible'];
    // Every round takes a chain at least, so this ends however the device goes on.
    while (this.hasUsed()) {
      if (this.#outstanding.size === 0) {
        implausible = {
          expected: 'no used descriptor, since nothing is outstanding',
          got: `descriptor ${this.#used.slot} marked used`,
        };
        this.#lost = true;
      } else entries.push(...this.#take());
    }
    if (this.#outstanding.size > 0) this.#arm();
    return { entries, implausible };
  }

  field(path: string, index?: number, part?: string): RingField {
    if (path === 'desc')
      return entryField(this.#desc, entryIndex(path, index, this.size) * pvirtqDesc.size, pvirtqDesc, part);
    const [structure, name = ''] = path.split('.');
    const found = EVENT_PARTS[name];
    if (found !== undefined && structure === 'driver_event')
      return { buffer: this.#driverEvent, size: 2, ...found };
    if (found !== undefined && structure === 'device_event')
      return { buffer: this.#deviceEvent, size: 2, ...found };
    throw new RangeError(`a packed ring has no field ${path}`);
  }

  writeField(path: string, index: number | undefined, part: string | undefined, bytes: Uint8Array): void {
    const field = this.field(path, index, part);
    writeRingField(field, bytes);
    const { buffer, offset, size } = field;
    const written = buffer.view.subarray(offset, offset + size);
    if (buffer === this.#desc) this.#shadowDesc.set(written, offset);
    if (buffer === this.#driverEvent) {
      this.#shadowDriver.set(written, offset);
      this.#eventByHand = true;
    }
  }

  tampered(): string | undefined {
    this.#desc.fetch();
    this.#driverEvent.fetch();
    // Where used descriptors are still to come the device may write at any time.
    const now = this.#desc.view.slice();
    for (let i = 0, { slot } = this.#used; i < this.#occupied; i++, slot = (slot + 1) % this.size) {
      const at = slot * pvirtqDesc.size;
      now.set(this.#shadowDesc.subarray(at, at + pvirtqDesc.size), at);
    }
    return (
      firstChange('descriptor ring', now, this.#shadowDesc) ??
      firstChange('driver event suppression', this.#driverEvent.view, this.#shadowDriver)
    );
  }

  overrun(): string | undefined {
    return firstOverrun([
      ['descriptor ring', this.#desc],
      ['driver event suppression', this.#driverEvent],
      ['device event suppression', this.#deviceEvent],
    ]);
  }

  /** Asks for an interrupt when the next descriptor is used. */
  #arm(): void {
    const at = offWrap(this.#used.slot, this.#used.wrap);
    if (!this.#eventIdx || this.#eventByHand || this.#armed.offWrap === at) return;
    this.#driverView.setUint16(EVENT.off_wrap.offset, at, true);
    this.#driverView.setUint16(EVENT.flags.offset, EventFlags.DESC, true);
    this.#driverEvent.publishRange(0, pvirtqEventSuppress.size);
    this.#shadowDriver.set(this.#driverEvent.view);
    fence();
    this.#armed = { offWrap: at, surely: !this.hasUsed() };
  }

  /**
   * Takes what one used descriptor returns: a chain, or with VIRTIO_F_IN_ORDER all chains up to the one that it names.
   * The next one comes as many descriptors further on as those chains had; nobody knows where after an unknown id.
   */
  #take(): UsedEntry[] {
    const { slot } = this.#used;
    const at = slot * pvirtqDesc.size;
    this.#desc.fetchRange(at, pvirtqDesc.size);
    const { id, len, flags } = pvirtqDesc.read(this.#desc.view, at);
    const chain = this.#outstanding.get(id);
    const entry = { index: this.#returned++, slot, id, writeFlag: (flags & WRITE) !== 0 };
    if (chain === undefined) {
      this.#lost = true;
      return [{ ...entry, len, chain }];
    }
    // From now on the device must leave it alone.
    this.#shadowDesc.set(this.#desc.view.subarray(at, at + pvirtqDesc.size), at);
    const batch = this.#inOrder ? batchUpTo(chain, this.#outstanding.values()) : [chain];
    for (const each of batch) this.#giveBack(each);
    return batch.map((each) =>
      each === chain ? { ...entry, len, chain } : { ...entry, len: undefined, chain: each },
    );
  }

  #giveBack(chain: PackedChain): void {
    const { length } = chain.slots;
    this.#outstanding.delete(chain.id);
    this.#occupied -= length;
    this.#used = this.#after(this.#used, length);
    if (chain.id < this.size && !this.#ids.includes(chain.id)) this.#ids.push(chain.id);
  }

  /** Lays a chain into the ring, all of it available but for its first descriptor. */
  #place(chain: PackedChain): void {
    const { descriptors } = chain;
    const last = descriptors.length - 1;
    chain.id = this.#takeId(descriptors[last]?.overrides?.id);
    chain.slots = descriptors.map((descriptor, i) => {
      const { slot, wrap } = this.#next;
      const linked = i < last || descriptor.overrides?.next !== undefined ? NEXT : 0;
      const flags = marked(descriptor.overrides?.flags ?? descriptor.flags | linked, wrap);
      const at = slot * pvirtqDesc.size;
      if (i === 0) chain.first = { slot, flags };
      // The first keeps the flags that are there: by them it is not available yet.
      writeDescriptor(this.#descView, at, descriptor, chain.id, i === 0 ? undefined : flags);
      this.#desc.publishRange(at, pvirtqDesc.size);
      this.#shadowDesc.set(this.#desc.view.subarray(at, at + pvirtqDesc.size), at);
      this.#next = this.#after(this.#next, 1);
      return slot;
    });
    this.#occupied += descriptors.length;
  }

  #makeAvailable({ first }: PackedChain): void {
    if (first === undefined) return;
    Atomics.store(this.#words, flagsWord(first.slot), first.flags);
    const at = first.slot * pvirtqDesc.size + DESC.flags.offset;
    this.#desc.publishRange(at, DESC.flags.size);
    viewOf(this.#shadowDesc).setUint16(at, first.flags, true);
  }

  /** A free buffer id, or the one that a case wants. */
  #takeId(wanted: number | undefined): number {
    if (wanted === undefined) return this.#ids.shift() ?? 0;
    const at = this.#ids.indexOf(wanted);
    if (at >= 0) this.#ids.splice(at, 1);
    return wanted;
  }

  #after({ slot, wrap }: Position, steps: number): Position {
    const to = slot + steps;
    return to < this.size ? { slot: to, wrap } : { slot: to - this.size, wrap: !wrap };
  }

  /** A position as a number on the line of two laps that the ring repeats. */
  #line({ slot, wrap }: Position): number {
    return slot + (wrap ? 0 : this.size);
  }

  /** The descriptors of a chain or table; tables that they refer to are made. */
  #describe(elements: readonly ChainElement[], tables: GuardedBuffer[]): Descriptor[] {
    return elements.map(({ iova, length, writable, table, overrides }) => {
      if (table === undefined) return { iova, length, flags: writable ? WRITE : 0, overrides };
      const bytes = new Uint8Array(pvirtqDesc.size * table.length);
      const view = viewOf(bytes);
      // In a table the order is the chain; WRITE is its only flag, and ids mean nothing.
      for (const [i, entry] of this.#describe(table, tables).entries())
        writeDescriptor(view, i * pvirtqDesc.size, entry, 0, entry.overrides?.flags ?? entry.flags);
      const buffer = new GuardedBuffer(this.#dma, this.#poison, bytes);
      tables.push(buffer);
      return {
        iova: buffer.iova,
        length: buffer.size,
        flags: INDIRECT | (writable ? WRITE : 0),
        overrides,
      };
    });
  }
}

/** Writes a descriptor; `flags` undefined leaves those that are there. */
function writeDescriptor(
  view: DataView,
  at: number,
  { iova, length, overrides }: Descriptor,
  id: number,
  flags: number | undefined,
): void {
  view.setBigUint64(at + DESC.addr.offset, BigInt.asUintN(64, iova), true);
  view.setUint32(at + DESC.len.offset, overrides?.len ?? length, true);
  view.setUint16(at + DESC.id.offset, overrides?.id ?? id, true);
  if (flags !== undefined) view.setUint16(at + DESC.flags.offset, flags, true);
}

/** Flags of an available descriptor under the driver's wrap counter; AVAIL or USED given by a case stay as they are. */
function marked(flags: number, wrap: boolean): number {
  return (flags & (AVAIL | USED)) !== 0 ? flags : flags | (wrap ? AVAIL : USED);
}

function flagsWord(slot: number): number {
  return (slot * pvirtqDesc.size + DESC.flags.offset) / 2;
}
