/** The device's side of a packed virtqueue ("Packed Virtqueues"). */
import {
  descRingBytes,
  EventFlags,
  EventMask,
  offWrap,
  PackedAlign,
  PackedDescFlag,
  pvirtqDesc,
  pvirtqEventSuppress,
} from '../../wire/packed-ring.js';
import type { Behaviours, ChainRules } from '../behaviours.js';
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

const { NEXT, WRITE, INDIRECT, AVAIL, USED } = PackedDescFlag;
const { len: lenField, id: idField, flags: flagsField } = pvirtqDesc.fields;
const { off_wrap: eventPlace, flags: eventFlags } = pvirtqEventSuppress.fields;

/**
 * Positions are numbered over two laps, as the wrap counter tells just two laps apart: it is 1 in the first, from
 * position 0, and 0 in the second, from position `size`.
 */
export class PackedRing implements Ring {
  readonly #setup: RingSetup;
  readonly #memory: ModelMemory;
  readonly #behaviours: Behaviours;
  readonly #desc: Uint8Array;
  readonly #descView: DataView;
  readonly #driver: DataView;
  readonly #device: DataView;
  /** Where the next list is taken and where the next used descriptor is written. */
  #next: number;
  #used: number;
  /** Descriptors that the device has taken and not yet skipped. */
  #held = 0;

  constructor(setup: RingSetup, memory: ModelMemory, behaviours: Behaviours) {
    this.#setup = setup;
    this.#memory = memory;
    this.#behaviours = behaviours;
    this.#desc = memory.at(
      aligned('descriptor ring', setup.descriptors, PackedAlign.desc),
      descRingBytes(setup.size),
      true,
    );
    this.#descView = dataView(this.#desc);
    const area = (name: string, address: bigint, alignment: number) =>
      dataView(memory.at(aligned(name, address, alignment), pvirtqEventSuppress.size, true));
    this.#driver = area('driver event suppression', setup.driver, PackedAlign.driver);
    this.#device = area('device event suppression', setup.device, PackedAlign.device);
    this.#next = setup.start.taken;
    this.#used = setup.start.used ?? setup.start.taken;
  }

  get position(): RingPosition {
    return { taken: this.#next, used: this.#used };
  }

  get driverPosition(): number {
    return this.#offWrap(this.#driverNext());
  }

  take(): Chain | undefined {
    const { size, index, indirect } = this.#setup;
    if (!this.#isAvailable(this.#next)) return undefined;
    const rules = this.#behaviours.chainRules({ indirect, followNext: true, reservedIgnored: true });
    const chain = new ChainBuilder(this.#memory, size, `queue ${index}, list at ${this.#next % size}`);
    for (let slots = 1; ; slots++) {
      if (this.#held + slots > size)
        throw chain.wrong(`more descriptors than a ring of ${size} has left`, 'count');
      const place = this.#after(this.#next, slots - 1);
      if (!this.#isAvailable(place))
        throw chain.wrong(`descriptor ${place % size} is not available`, 'range');
      const desc = this.#behaviours.descriptor(
        pvirtqDesc.read(this.#desc, (place % size) * pvirtqDesc.size),
        { queue: index, nested: false },
      );
      const more = (desc.flags & NEXT) !== 0;
      if ((desc.flags & INDIRECT) !== 0 && rules.indirect === indirect) {
        if (!rules.indirect)
          throw chain.wrong('INDIRECT without VIRTIO_F_INDIRECT_DESC', 'indirect-unnegotiated');
        if (more || slots > 1) throw chain.wrong('INDIRECT in a list linked by NEXT', 'indirect-linked');
        this.#readTable(chain.table(desc.addr, desc.len, pvirtqDesc.size), chain, rules);
      } else chain.add(desc.addr, desc.len, (desc.flags & WRITE) !== 0);
      if (more) continue;
      this.#next = this.#after(this.#next, slots);
      this.#held += slots;
      return chain.build(desc.id, slots);
    }
  }

  rearm(): boolean {
    const position = this.#driverNext();
    const area = this.#behaviours.deviceArea(
      this.#setup.eventIdx
        ? { flags: EventFlags.DESC, event: this.#offWrap(position) }
        : { flags: EventFlags.ENABLE, event: 0 },
      this.#setup.index,
    );
    // The place first: a driver that sees DESC must find it.
    this.#device.setUint16(eventPlace.offset, area.event, true);
    this.#device.setUint16(eventFlags.offset, area.flags, true);
    fence();
    return this.#driverNext() !== this.#next;
  }

  give(chain: Chain, written: number, skipped: readonly Chain[] = []): boolean {
    const { size } = this.#setup;
    const areas = { descriptors: this.#desc, driver: this.#driver };
    const { elements, context } = beginReturn(this.#behaviours, this.#setup, areas, chain, written, skipped);
    const slots = skipped.reduce((sum, each) => sum + each.slots, chain.slots);
    const step = this.#behaviours.usedStep(slots, context);
    let due = false;
    for (const { id, len } of elements) {
      const place = this.#used;
      const at = (place % size) * pvirtqDesc.size;
      const mark = this.#wrap(place, 'used') ? AVAIL | USED : 0;
      const flags = this.#behaviours.usedFlags(mark | (written > 0 ? WRITE : 0), context);
      this.#descView.setUint32(at + lenField.offset, len, true);
      this.#descView.setUint16(at + idField.offset, id, true);
      // The flags last: they hand the descriptor over.
      this.#descView.setUint16(at + flagsField.offset, flags, true);
      this.#used = this.#after(place, step);
      due = this.#eventDue(place, step) || due;
    }
    this.#held -= slots;
    return due;
  }

  /** Entries of a table follow each other as they lie; WRITE is the only flag that means anything in them. */
  #readTable(table: Uint8Array, chain: ChainBuilder, { reservedIgnored }: ChainRules): void {
    for (let at = 0; at < table.length; at += pvirtqDesc.size) {
      const { addr, len, flags } = this.#behaviours.descriptor(pvirtqDesc.read(table, at), {
        queue: this.#setup.index,
        nested: true,
      });
      if (!reservedIgnored && (flags & INDIRECT) !== 0)
        throw chain.wrong('INDIRECT inside an indirect table', 'indirect-nested');
      chain.add(addr, len, (flags & WRITE) !== 0);
    }
  }

  /**
   * Whether the used descriptor that covers `step` entries from `place` is to be notified ("Driver and Device Event
   * Suppression"). What the standard does not define counts as ENABLE: a surplus notification harms nobody.
   */
  #eventDue(place: number, step: number): boolean {
    fence();
    const { size, eventIdx, index } = this.#setup;
    const { flags, event } = this.#behaviours.driverArea(
      {
        flags: this.#driver.getUint16(eventFlags.offset, true) & EventMask.flags,
        event: this.#driver.getUint16(eventPlace.offset, true),
      },
      index,
    );
    if (flags === EventFlags.DISABLE) return false;
    const offset = event & EventMask.offset;
    if (flags !== EventFlags.DESC || !eventIdx || offset >= size) return true;
    const wanted = (event & EventMask.wrap) !== 0 ? offset : offset + size;
    return this.#after(wanted, 2 * size - place) < step;
  }

  /** The position of the first descriptor from `#next` on that the driver has not made available. */
  #driverNext(): number {
    let ahead = 0;
    while (this.#held + ahead < this.#setup.size && this.#isAvailable(this.#after(this.#next, ahead)))
      ahead++;
    return this.#after(this.#next, ahead);
  }

  /** AVAIL equals the wrap counter of that lap and USED does not. */
  #isAvailable(place: number): boolean {
    const { size } = this.#setup;
    const flags = this.#descView.getUint16((place % size) * pvirtqDesc.size + flagsField.offset, true);
    const wrap = this.#wrap(place, 'available');
    return ((flags & AVAIL) !== 0) === wrap && ((flags & USED) !== 0) !== wrap;
  }

  #wrap(place: number, side: 'available' | 'used'): boolean {
    return this.#behaviours.wrapCounter(place < this.#setup.size, side, this.#setup.index);
  }

  #after(place: number, steps: number): number {
    return (place + steps) % (2 * this.#setup.size);
  }

  #offWrap(place: number): number {
    return offWrap(place % this.#setup.size, place < this.#setup.size);
  }
}
