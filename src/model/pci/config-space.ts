/** The 256 bytes of PCI configuration space: read-only bits, base address registers, capability list. */
import { PciBar, PciCommand, PciStatus, pciHeader } from '../../wire/pci.js';
import type { Behaviours } from '../behaviours.js';
import type { AccessWidth, BarContents, RegisterRange } from '../register-window.js';

/** The address spaces of the bus. */
export type BusSpace = 'memory' | 'io';

export type BarKind = 'io' | 'memory32' | 'memory64';

/** A base address register. */
export interface Bar {
  /** 0-5; a 64-bit one takes the next register as well. */
  readonly index: number;
  readonly kind: BarKind;
  readonly contents: BarContents;
}

interface Watch {
  readonly from: number;
  readonly to: number;
  readonly before?: () => void;
  readonly after?: () => void;
}

/** A BAR at its address. */
interface MappedBar {
  readonly space: BusSpace;
  readonly base: bigint;
  readonly contents: BarContents;
}

/** The bits of a BAR that tell its kind, and those that are not part of the address. */
const BAR_BITS = {
  io: { type: PciBar.IO, mask: 0x3 },
  memory32: { type: 0, mask: 0xf },
  memory64: { type: PciBar.MEMORY_64, mask: 0xf },
} as const;
const FIRST_CAPABILITY = 0x40;
const SIZE = 256;

/** Configuration space of one function. Bits are read-only unless `allow` made them writable. */
export class ConfigSpace implements RegisterRange {
  readonly size = SIZE;
  readonly bytes = new Uint8Array(SIZE);
  readonly #writable = new Uint8Array(SIZE);
  readonly #watches: Watch[] = [];
  readonly #bars: readonly Bar[];
  readonly #behaviours: Behaviours;
  /** Where the BARs are mapped, until one of them is written: it is asked at every access. */
  #mapped: readonly MappedBar[] | undefined;
  #nextCapability = FIRST_CAPABILITY;
  #lastLink: number = pciHeader.fields.capabilities.offset;

  constructor(header: Parameters<typeof pciHeader.encode>[0], bars: readonly Bar[], behaviours: Behaviours) {
    this.#bars = bars;
    this.#behaviours = behaviours;
    this.bytes.set(pciHeader.encode(header));
    const command =
      PciCommand.MEMORY |
      PciCommand.MASTER |
      PciCommand.INTX_DISABLE |
      (bars.some(({ kind }) => kind === 'io') ? PciCommand.IO : 0);
    this.allow(pciHeader.fields.command.offset, [command & 0xff, command >> 8]);
    this.allow(pciHeader.fields.cache_line_size.offset, [0xff]);
    this.allow(pciHeader.fields.interrupt_line.offset, [0xff]);
    for (const { index, kind, contents } of bars) {
      const offset = pciHeader.fields.bar0.offset + 4 * index;
      this.bytes[offset] = BAR_BITS[kind].type;
      const mask = ~BigInt((contents.size - 1) | BAR_BITS[kind].mask);
      this.allow(
        offset,
        Array.from({ length: kind === 'memory64' ? 8 : 4 }, (_, at) =>
          Number((mask >> BigInt(8 * at)) & 0xffn),
        ),
      );
    }
  }

  /** Makes bits writable, byte for byte from `offset`. */
  allow(offset: number, bits: readonly number[]): void {
    for (const [at, mask] of bits.entries()) this.#writable[offset + at] = mask;
  }

  /** Calls `before` ahead of each read and `after` behind each write that touches the range. */
  watch(offset: number, length: number, hooks: { before?: () => void; after?: () => void }): void {
    this.#watches.push({ from: offset, to: offset + length, ...hooks });
  }

  /** Appends a capability, whose second byte becomes the link; returns its offset. */
  addCapability(capability: Uint8Array): number {
    const offset = this.#nextCapability;
    this.bytes.set(capability, offset);
    this.bytes[offset + 1] = 0;
    this.bytes[this.#lastLink] = offset;
    this.#lastLink = offset + 1;
    this.#nextCapability = (offset + capability.length + 3) & ~3;
    this.bytes[pciHeader.fields.status.offset] = PciStatus.CAP_LIST;
    return offset;
  }

  get command(): number {
    return this.#behaviours.pciCommand(this.u16(pciHeader.fields.command.offset));
  }

  u16(offset: number): number {
    return (this.bytes[offset] ?? 0) | ((this.bytes[offset + 1] ?? 0) << 8);
  }

  u32(offset: number): number {
    return (this.u16(offset) | (this.u16(offset + 2) << 16)) >>> 0;
  }

  read(offset: number, width: AccessWidth): number {
    for (const watch of this.#watches) if (watch.from < offset + width && watch.to > offset) watch.before?.();
    let value = 0;
    for (let at = width - 1; at >= 0; at--) value = value * 256 + (this.bytes[offset + at] ?? 0xff);
    return this.#behaviours.pciConfigRead(offset, width, value);
  }

  write(offset: number, width: AccessWidth, written: number): void {
    const value = this.#behaviours.pciConfigWrite(offset, width, written);
    if (value === undefined) return;
    this.#mapped = undefined;
    for (let at = 0; at < width && offset + at < SIZE; at++) {
      const mask = this.#writable[offset + at] ?? 0;
      const byte = (value >>> (8 * at)) & 0xff;
      this.bytes[offset + at] = ((this.bytes[offset + at] ?? 0) & ~mask) | (byte & mask);
    }
    for (const watch of this.#watches) if (watch.from < offset + width && watch.to > offset) watch.after?.();
  }

  /** Writes what `kindOf` says into the bits of the BARs that tell their kind. */
  tellBars(kindOf: (index: number, kind: BarKind) => BarKind): void {
    for (const { index, kind } of this.#bars) {
      const offset = pciHeader.fields.bar0.offset + 4 * index;
      const address = (this.bytes[offset] ?? 0) & ~BAR_BITS[kind].mask;
      this.bytes[offset] = address | BAR_BITS[kindOf(index, kind)].type;
    }
  }

  /** The BAR of that number, wherever it is mapped. */
  barContents(index: number): BarContents | undefined {
    return this.#bars.find((bar) => bar.index === index)?.contents;
  }

  /** What is behind a BAR wherever it is mapped, for those who reach it by its number; nothing as with `decode`. */
  decodedBar(index: number): BarContents | undefined {
    const bar = this.#bars.find((each) => each.index === index);
    return bar && this.#decodes(bar.kind === 'io' ? 'io' : 'memory') ? bar.contents : undefined;
  }

  /** What an access to a bus address reaches: nothing unless the decoding of its space is on. */
  decode(
    space: BusSpace,
    address: bigint,
    width: number,
  ): { contents: BarContents; offset: number } | undefined {
    if (!this.#decodes(space)) return undefined;
    this.#mapped ??= this.#bars.map(({ index, kind, contents }) => ({
      space: kind === 'io' ? 'io' : 'memory',
      base: this.#address(index, kind),
      contents,
    }));
    for (const { space: of, base, contents } of this.#mapped) {
      if (of !== space) continue;
      // What is too far away to be a safe integer is in no BAR either.
      const offset = Number(address - base);
      if (offset >= 0 && offset + width <= contents.size) return { contents, offset };
    }
    return undefined;
  }

  #decodes(space: BusSpace): boolean {
    return (this.command & (space === 'io' ? PciCommand.IO : PciCommand.MEMORY)) !== 0;
  }

  /** The address that a BAR is set to. */
  #address(index: number, kind: BarKind): bigint {
    const offset = pciHeader.fields.bar0.offset + 4 * index;
    const low = BigInt((this.u32(offset) & ~BAR_BITS[kind].mask) >>> 0);
    return kind === 'memory64' ? (BigInt(this.u32(offset + 4)) << 32n) | low : low;
  }
}
