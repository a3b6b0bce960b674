/** What the driver needs of a virtqueue, whichever format its ring has. */
import type { GuardedBuffer } from './guarded-buffer.js';

/** What is written into a descriptor instead of what the chain asks for: for cases that break the rules. */
export interface DescriptorOverrides {
  readonly len?: number;
  /** In the descriptor ring of a packed queue AVAIL and USED are added as the ring has it, unless one of them is here. */
  readonly flags?: number;
  /** Number of an element of the same chain or table, or any other number as it is. Packed: NEXT is set. */
  readonly next?: number;
  /** Buffer id of a packed descriptor. */
  readonly id?: number;
}

/** One buffer of a descriptor chain. */
export interface ChainElement {
  readonly iova: bigint;
  readonly length: number;
  readonly writable: boolean;
  readonly overrides?: DescriptorOverrides;
  /** Elements of an indirect table, to which the descriptor then points instead. */
  readonly table?: readonly ChainElement[];
}

/** A descriptor chain of the driver. In a ring that is filled in order its place is known once it was published. */
export interface Chain {
  /** Index of its first descriptor. */
  readonly head: number;
  /** By what the device returns it: the head in a split ring, the buffer id in a packed one. */
  readonly id: number;
  /** The descriptors of the table or ring that it occupies. */
  readonly slots: readonly number[];
  /** Its indirect tables. */
  readonly tables: readonly GuardedBuffer[];
}

/** How one chain came back. */
export interface UsedEntry {
  /** Free-running number of the used entry or used descriptor that returned it; chains of one batch share it. */
  readonly index: number;
  /** Where in the ring that entry lies. */
  readonly slot: number;
  /** The id in that entry; of a batch it is that of the last chain. */
  readonly id: number;
  /** The length in that entry; undefined for chains that a batch skipped. */
  readonly len: number | undefined;
  /** Whether a used descriptor of a packed ring says that something was written; without it `len` is reserved. */
  readonly writeFlag?: boolean;
  /** The chain that it returns; undefined when no such chain is outstanding. */
  readonly chain: Chain | undefined;
}

/** What one look at the device's side of a ring gave. */
export interface Poll {
  readonly entries: readonly UsedEntry[];
  /** Set when the ring says that more was returned than the device had: what could be, and what it says. */
  readonly implausible: { readonly expected: string; readonly got: string } | undefined;
}

/** How a chain is laid into the table: direct, or from which element on in an indirect table. */
export type IndirectFrom = number | undefined;

/** Where the block of a ring begins and its used ring lies: at multiples of so many bytes. */
export interface ContiguousLayout {
  readonly page: number;
  readonly align: number;
}

/** How a ring is made; everything left out is as usual. */
export interface RingOptions {
  /** VIRTIO_F_EVENT_IDX was negotiated. */
  readonly eventIdx?: boolean;
  /** VIRTIO_F_IN_ORDER was negotiated: the driver fills the ring in order, and one used entry may return a batch. */
  readonly inOrder?: boolean;
  /** Each part at just the alignment that the standard asks for. */
  readonly tight?: boolean;
  /** The legacy interface: all parts in one block. */
  readonly contiguous?: ContiguousLayout;
  /** The memory of a ring of the same kind and size, which is used again. */
  readonly reuse?: RingAreas;
}

/** A field of the rings in memory. */
export interface RingField {
  readonly buffer: GuardedBuffer;
  readonly offset: number;
  readonly size: number;
  /** Where the field is a part of its bytes: the position of its lowest bit, and its mask from there. */
  readonly bits?: { readonly shift: number; readonly mask: number };
}

/** The three areas of a virtqueue by the names of "Virtqueues"; the addresses that a transport is given. */
export interface RingAreas {
  /** Descriptor area. */
  readonly desc: GuardedBuffer;
  /** Driver area: the available ring, or the driver's event suppression structure. */
  readonly driver: GuardedBuffer;
  /** Device area: the used ring, or the device's event suppression structure. */
  readonly device: GuardedBuffer;
}

/** An area that the device may write while it has the queue, with its name in reports. */
export interface DeviceArea {
  readonly what: string;
  readonly buffer: GuardedBuffer;
}

/**
 * The driver's side of a virtqueue in memory. Which queue of the device it is, and how it is notified, is not its
 * concern. Nothing that the device wrote is trusted.
 */
export interface Ring {
  /** Entries. */
  readonly size: number;
  readonly areas: RingAreas;
  readonly deviceAreas: readonly DeviceArea[];
  /** Chains that the device has and has not returned. */
  readonly outstanding: number;
  /** The descriptor that the next chain begins with; undefined when there is no room. */
  readonly nextSlot: number | undefined;
  /** The wrap counter that holds there; undefined for a format that has none. */
  readonly nextWrap: number | undefined;
  /** Where the next buffer will be made available, as notifications carry it: next_off and, in bit 15, next_wrap. */
  readonly notificationData: number;
  /**
   * Whether the used buffer that `hasUsed` tells of must have raised an interrupt: not where a case looks after
   * suppression by hand, nor where the driver asked for one when the device may have been past it.
   */
  readonly interruptDue: boolean;
  /**
   * Lays a chain out without publishing it. `indirectFrom`: the elements from that one on go to an indirect table.
   * `tail`: in a packed ring all descriptors but the first are made available at once. Throws RangeError when there is
   * no room.
   */
  stage(elements: readonly ChainElement[], indirectFrom: IndirectFrom, tail?: boolean): Chain;
  /**
   * Makes staged chains available in this order by one step. Notifying is the caller's. Returns a mark of where the
   * ring stood before, for `asksForKick`.
   */
  publish(chains: readonly Chain[]): number;
  /** Whether the device wants to hear of what was published since `before`. */
  asksForKick(before: number): boolean;
  /** Whether the device has returned something since the last `poll`. */
  hasUsed(): boolean;
  /** Takes what the device has returned since the last look. */
  poll(): Poll;
  /**
   * A field of the ring by its name in case files, with an index and one of its fields where it is an array of
   * structures. Throws RangeError for a field that this format has not or an index that is too large.
   */
  field(path: string, index?: number, part?: string): RingField;
  /** Writes a field by hand. From then on the harness leaves it as it is. */
  writeField(path: string, index: number | undefined, part: string | undefined, bytes: Uint8Array): void;
  /** The first ring byte of the driver's that the device changed, in words; undefined when all are as written. */
  tampered(): string | undefined;
  /** The first area whose guard bytes changed, in words. */
  overrun(): string | undefined;
}
