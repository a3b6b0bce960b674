/** The device's side of a split virtqueue ("Split Virtqueues"). */
import {
  AvailFlag,
  availRing,
  crossedEvent,
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
import type { Chain } from './chain.js';
import { ChainBuilder } from './chain-builder.js';
import {
  aligned,
  beginReturn,
  dataView,
  fence,
  type Ring,
  type RingPosition,
  type RingSetup,
} from './ring.js';

/** The counters `idx` of both rings run freely modulo 2^16. */
export class SplitRing implements Ring {
  readonly #setup: RingSetup;
  readonly #memory: ModelMemory;
  readonly #behaviours: Behaviours;
  readonly #desc: Uint8Array;
  readonly #avail: DataView;
  readonly #used: DataView;
  /** Whether the fields are little-endian. */
  readonly #little: boolean;
  #taken: number;
  #usedIdx: number;

  constructor(setup: RingSetup, memory: ModelMemory, behaviours: Behaviours) {
    const { size } = setup;
    this.#setup = setup;
    this.#little = setup.order === 'little';
    this.#memory = memory;
    this.#behaviours = behaviours;
    this.#desc = memory.at(
      aligned('descriptor table', setup.descriptors, SplitAlign.desc),
      descTableBytes(size),
      true,
    );
    this.#avail = dataView(
      memory.at(aligned('available ring', setup.driver, SplitAlign.avail), availRing.bytes(size), true),
    );
    this.#used = dataView(
      memory.at(aligned('used ring', setup.device, SplitAlign.used), usedRing.bytes(size), true),
    );
    this.#taken = setup.start.taken;
    this.#usedIdx = setup.start.used ?? this.#used.getUint16(usedRing.idx, this.#little);
  }

  get position(): RingPosition {
    return { taken: this.#taken, used: this.#usedIdx };
  }

  get driverPosition(): number {
    const idx = this.#avail.getUint16(availRing.idx, this.#little);
    return this.#behaviours.ringIndex(idx, 'available', this.#setup.index);
  }

  take(): Chain | undefined {
    const { size, index } = this.#setup;
    const available = (this.driverPosition - this.#taken) & 0xffff;
    if (available === 0) return undefined;
    if (available > size)
      throw new DriverError(
        `queue ${index}: available index is ${available} ahead of a ring of ${size}`,
        'index',
      );
    const head = this.#avail.getUint16(availRing.entry(this.#taken % size), this.#little);
    const chain = this.#read(head);
    this.#taken = (this.#taken + 1) & 0xffff;
    return chain;
  }

  rearm(): boolean {
    this.#askForKick(this.driverPosition);
    fence();
    return this.driverPosition !== this.#taken;
  }

  give(chain: Chain, written: number, skipped: readonly Chain[] = []): boolean {
    const { size, index } = this.#setup;
    const areas = { descriptors: this.#desc, driver: this.#avail };
    const { elements, context } = beginReturn(this.#behaviours, this.#setup, areas, chain, written, skipped);
    const step = this.#behaviours.usedStep(1 + skipped.length, context);
    let due = false;
    for (const { id, len } of elements) {
      const before = this.#usedIdx;
      const place = usedRing.entry(before % size);
      this.#used.setUint32(place + vringUsedElem.fields.id.offset, id, this.#little);
      this.#used.setUint32(place + vringUsedElem.fields.len.offset, len, this.#little);
      this.#usedIdx = (before + step) & 0xffff;
      const idx = this.#behaviours.ringIndex(this.#usedIdx, 'used', index);
      this.#used.setUint16(usedRing.idx, idx, this.#little);
      due = this.#eventDue(before) || due;
    }
    return due;
  }

  /**
   * Whether the elements since `before` are to be notified ("Used Buffer Notification Suppression"; "Legacy Interface:
   * Reserved Feature Bits" for a ring that ran empty).
   */
  #eventDue(before: number): boolean {
    fence();
    const { size, eventIdx, index, notifyOnEmpty } = this.#setup;
    if (notifyOnEmpty && this.driverPosition === this.#taken) return true;
    const { flags, event } = this.#behaviours.driverArea(
      {
        flags: this.#avail.getUint16(availRing.flags, this.#little),
        event: eventIdx ? this.#avail.getUint16(availRing.usedEvent(size), this.#little) : 0,
      },
      index,
    );
    return eventIdx ? crossedEvent(event, this.#usedIdx, before) : (flags & AvailFlag.NO_INTERRUPT) === 0;
  }

  /** Flags are 0 as long as the device wants to be notified, and always with EVENT_IDX. */
  #askForKick(idx: number): void {
    const { size, eventIdx, index } = this.#setup;
    const { flags, event } = this.#behaviours.deviceArea({ flags: 0, event: idx }, index);
    this.#used.setUint16(usedRing.flags, flags, this.#little);
    if (eventIdx) this.#used.setUint16(usedRing.availEvent(size), event, this.#little);
  }

  #read(head: number): Chain {
    const { size, index, indirect } = this.#setup;
    const rules = this.#behaviours.chainRules({ indirect, followNext: true, reservedIgnored: true });
    const chain = new ChainBuilder(this.#memory, size, `queue ${index}, chain ${head}`);
    const walk = (table: Uint8Array, entries: number, first: number, nested: boolean) => {
      for (let at = first, hops = 0; ; hops++) {
        if (at >= entries) throw chain.wrong(`descriptor ${at} is outside a table of ${entries}`, 'range');
        if (hops >= entries) throw chain.wrong('the descriptors form a loop', 'loop');
        const desc = this.#behaviours.descriptor(
          vringDesc.read(table, at * vringDesc.size, this.#setup.order),
          {
            queue: index,
            nested,
          },
        );
        const next = (desc.flags & DescFlag.NEXT) !== 0;
        if ((desc.flags & DescFlag.INDIRECT) !== 0 && rules.indirect === indirect) {
          if (!rules.indirect)
            throw chain.wrong('INDIRECT without VIRTIO_F_INDIRECT_DESC', 'indirect-unnegotiated');
          if (nested) throw chain.wrong('INDIRECT inside an indirect table', 'indirect-nested');
          if (next) throw chain.wrong('INDIRECT together with NEXT', 'indirect-linked');
          const inner = chain.table(desc.addr, desc.len, vringDesc.size);
          walk(inner, desc.len / vringDesc.size, 0, true);
        } else chain.add(desc.addr, desc.len, (desc.flags & DescFlag.WRITE) !== 0);
        if (!next) return;
        at = nested && !rules.followNext ? at + 1 : desc.next;
      }
    };
    walk(this.#desc, size, head, false);
    return chain.build(head, 1);
  }
}
