/** The device's side of a split virtqueue ("Split Virtqueues"). */
import {
  AvailFlag,
  availRing,
  DescFlag,
  descTableBytes,
  SplitAlign,
  usedRing,
  vringDesc,
  vringUsedElem,
} from '../../wire/split-ring.js';
import type { Behaviours } from '../behaviours.js';
import { DriverError } from '../errors.js';
import type { ModelMemory } from '../memory.js';
import { Chain } from './chain.js';

/** Where the parts of a queue lie and which features shape it. */
export interface RingSetup {
  readonly index: number;
  readonly size: number;
  readonly descriptors: bigint;
  readonly driver: bigint;
  readonly device: bigint;
  readonly indirect: boolean;
  readonly eventIdx: boolean;
}

/** A chain may not hold more than 2^32 bytes ("The Virtqueue Descriptor Table"). */
const MAX_CHAIN_BYTES = 2 ** 32;

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function aligned(name: string, address: bigint, alignment: number): bigint {
  if (address % BigInt(alignment) !== 0n)
    throw new DriverError(`${name} at 0x${address.toString(16)} is not aligned to ${alignment}`);
  return address;
}

/** Takes available chains and gives used ones back. Whatever the driver got wrong ends in a `DriverError`. */
export class SplitRing {
  readonly #setup: RingSetup;
  readonly #memory: ModelMemory;
  readonly #behaviours: Behaviours;
  readonly #desc: Uint8Array;
  readonly #avail: DataView;
  readonly #used: DataView;
  #taken = 0;
  #usedIdx = 0;

  constructor(setup: RingSetup, memory: ModelMemory, behaviours: Behaviours) {
    const { size } = setup;
    this.#setup = setup;
    this.#memory = memory;
    this.#behaviours = behaviours;
    this.#desc = memory.at(
      aligned('descriptor table', setup.descriptors, SplitAlign.desc),
      descTableBytes(size),
    );
    this.#avail = dataView(
      memory.at(aligned('available ring', setup.driver, SplitAlign.avail), availRing.bytes(size)),
    );
    this.#used = dataView(
      memory.at(aligned('used ring', setup.device, SplitAlign.used), usedRing.bytes(size)),
    );
  }

  /** The next available chain, if there is one. */
  take(): Chain | undefined {
    const { size, index } = this.#setup;
    const available = (this.#avail.getUint16(availRing.idx, true) - this.#taken) & 0xffff;
    if (available === 0) return undefined;
    if (available > size)
      throw new DriverError(`queue ${index}: available index is ${available} ahead of a ring of ${size}`);
    const head = this.#avail.getUint16(availRing.entry(this.#taken % size), true);
    const chain = this.#read(head);
    this.#taken = (this.#taken + 1) & 0xffff;
    return chain;
  }

  /** Asks to be notified of the next buffer; returns whether one became available meanwhile. */
  rearm(): boolean {
    const idx = this.#avail.getUint16(availRing.idx, true);
    if (this.#setup.eventIdx) this.#used.setUint16(usedRing.availEvent(this.#setup.size), idx, true);
    return idx !== this.#taken;
  }

  /**
   * Returns a chain of whose writable part the first `written` bytes were stored. Whether the driver is to be
   * notified follows from the suppression rules, entry by entry ("Used Buffer Notification Suppression").
   */
  give(chain: Chain, written: number): boolean {
    const { size, index, eventIdx } = this.#setup;
    this.#behaviours.returning({ queue: index, descriptors: this.#desc, ...chain.pieces });
    const elements = this.#behaviours.usedElements([{ id: chain.head, len: written }], {
      queue: index,
      queueSize: size,
      readable: chain.readableLength,
      writable: chain.writableLength,
    });
    let notify = false;
    for (const { id, len } of elements) {
      const place = usedRing.entry(this.#usedIdx % size);
      this.#used.setUint32(place + vringUsedElem.fields.id.offset, id, true);
      this.#used.setUint32(place + vringUsedElem.fields.len.offset, len, true);
      // Flags are 0 as long as the device wants to be notified, and always with EVENT_IDX.
      this.#used.setUint16(usedRing.flags, 0, true);
      const entry = this.#usedIdx;
      this.#usedIdx = (entry + 1) & 0xffff;
      this.#used.setUint16(usedRing.idx, this.#usedIdx, true);
      notify ||= eventIdx
        ? this.#avail.getUint16(availRing.usedEvent(size), true) === entry
        : (this.#avail.getUint16(availRing.flags, true) & AvailFlag.NO_INTERRUPT) === 0;
    }
    return notify;
  }

  #read(head: number): Chain {
    const { size, index } = this.#setup;
    const rules = this.#behaviours.chainRules({ indirect: this.#setup.indirect, followNext: true });
    const readable: Uint8Array[] = [];
    const writable: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    const wrong = (what: string) => new DriverError(`queue ${index}, chain ${head}: ${what}`);
    const buffer = (addr: bigint, len: number, write: boolean) => {
      if (!write && writable.length > 0) throw wrong('a readable descriptor follows a writable one');
      bytes += len;
      if (bytes > MAX_CHAIN_BYTES) throw wrong('more than 2^32 bytes');
      // An empty piece names no memory, so its address is not looked at; it still counts as a cut.
      (write ? writable : readable).push(len === 0 ? new Uint8Array(0) : this.#memory.at(addr, len));
    };
    const walk = (table: Uint8Array, entries: number, first: number, nested: boolean) => {
      for (let at = first, hops = 0; ; hops++) {
        if (at >= entries) throw wrong(`descriptor ${at} is outside a table of ${entries}`);
        if (hops >= entries) throw wrong('the descriptors form a loop');
        const desc = vringDesc.read(table, at * vringDesc.size);
        const next = (desc.flags & DescFlag.NEXT) !== 0;
        if ((desc.flags & DescFlag.INDIRECT) !== 0 && rules.indirect !== this.#setup.indirect) {
          buffer(desc.addr, desc.len, (desc.flags & DescFlag.WRITE) !== 0);
        } else if ((desc.flags & DescFlag.INDIRECT) !== 0) {
          if (!rules.indirect) throw wrong('INDIRECT without VIRTIO_F_INDIRECT_DESC');
          if (nested) throw wrong('INDIRECT inside an indirect table');
          if (next) throw wrong('INDIRECT together with NEXT');
          if (desc.len === 0 || desc.len % vringDesc.size !== 0)
            throw wrong(`an indirect table of ${desc.len} bytes`);
          walk(this.#memory.at(desc.addr, desc.len), desc.len / vringDesc.size, 0, true);
        } else {
          if (++count > size) throw wrong(`more than ${size} descriptors`);
          buffer(desc.addr, desc.len, (desc.flags & DescFlag.WRITE) !== 0);
        }
        if (!next) return;
        at = nested && !rules.followNext ? at + 1 : desc.next;
      }
    };
    walk(this.#desc, size, head, false);
    return new Chain(head, readable, writable);
  }
}
