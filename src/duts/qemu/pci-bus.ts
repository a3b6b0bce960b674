/** A PCI function of the machine, reached as its firmware would: configuration mechanism #1, BARs assigned here. */
import { PortError } from '../../port/errors.js';
import type { InterruptLine } from '../../port/interrupts.js';
import type { PciAttachment, RegisterWindow, Width } from '../../port/registers.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import type { QtestChannel } from './qtest-channel.js';
import { AddressWindow, accessCommand, hex, QtestWindow } from './register-windows.js';

/** The slot on bus 0 that the command line gives the device. */
export const DEVICE_SLOT = 4;
/** Input of q35's I/O APIC that pin A of that slot asserts while no firmware has changed the routing. */
export const DEVICE_INTERRUPT = 20;

const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
const CONFIG_ENABLE = 0x8000_0000;
const CONFIG_SIZE = 256;
const BAR_COUNT = 6;
const BAR_SIZE = 4;
/** Bits of a base address register (PCI Local Bus 3.0, 6.2.5.1). */
const Bar = { IO: 1, TYPE_MASK: 6, TYPE_64: 4, IO_FLAGS: 3, MEMORY_FLAGS: 0xf } as const;
/** Ranges that the machine's host bridge passes to PCI, and where no other device lies. */
const MEMORY_BASE = 0xe000_0000;
const IO_BASE = 0xc000;
const PAGE = 4096;

/** A base address register pair or single, with the address that it is given. */
interface AssignedBar {
  readonly index: number;
  readonly space: 'memory' | 'io';
  readonly is64: boolean;
  readonly size: number;
  readonly address: number;
}

/** A function on bus 0 behind a qtest line. Opening it sizes and assigns its BARs. */
export class QtestPciFunction implements PciAttachment {
  readonly kind = 'pci';
  readonly config: RegisterWindow;
  readonly #bars: readonly AssignedBar[];
  readonly #windows = new Map<number, RegisterWindow>();

  readonly line?: InterruptLine;

  constructor(qtest: QtestChannel, slot: number, line?: InterruptLine) {
    if (line !== undefined) this.line = line;
    this.config = new ConfigWindow(qtest, slot);
    if (this.config.read(pciHeader.fields.vendor_id.offset, 2) === 0xffff) {
      throw new PortError('PORT_SETUP', `PCI slot ${slot} of the machine is empty`);
    }
    this.#bars = this.#withoutDecoding(() => this.#assignAll());
    for (const bar of this.#bars) {
      this.#windows.set(bar.index, new AddressWindow(qtest, bar.space, bar.address, bar.size));
    }
  }

  bar(index: number): RegisterWindow | undefined {
    return this.#windows.get(index);
  }

  /** Gives the BARs their addresses again, after a power cycle has cleared them. */
  reassign(): void {
    this.#withoutDecoding(() => {
      for (const bar of this.#bars) this.#assign(bar);
    });
  }

  /** A BAR must not decode addresses while it is being sized; enabling it is left to the driver. */
  #withoutDecoding<T>(change: () => T): T {
    const command = this.config.read(pciHeader.fields.command.offset, 2);
    const decoding = PciCommand.IO | PciCommand.MEMORY;
    if ((command & decoding) === 0) return change();
    this.config.write(pciHeader.fields.command.offset, 2, command & ~decoding);
    const result = change();
    this.config.write(pciHeader.fields.command.offset, 2, command);
    return result;
  }

  #assignAll(): AssignedBar[] {
    const next = { memory: MEMORY_BASE, io: IO_BASE };
    const bars: AssignedBar[] = [];
    for (let index = 0; index < BAR_COUNT; index++) {
      const mask = this.#sizingMask(index);
      if (mask === 0) continue;
      const space = mask & Bar.IO ? 'io' : 'memory';
      const is64 = space === 'memory' && (mask & Bar.TYPE_MASK) === Bar.TYPE_64;
      const addressBits = BigInt(mask & ~(space === 'io' ? Bar.IO_FLAGS : Bar.MEMORY_FLAGS)) & 0xffff_ffffn;
      // I/O BARs may decode 16 bits only; an upper half of a 64-bit BAR that is not all ones means 4 GiB or more.
      const low = space === 'io' ? addressBits | 0xffff_0000n : addressBits;
      const high = is64 ? BigInt(this.#sizingMask(index + 1)) : 0xffff_ffffn;
      const size = Number(BigInt.asUintN(64, -((high << 32n) | low)));
      const step = space === 'memory' ? Math.max(size, PAGE) : size;
      const address = Math.ceil(next[space] / step) * step;
      next[space] = address + step;
      const limit = space === 'io' ? 0x1_0000 : 0xfec0_0000;
      if (next[space] > limit) {
        throw new PortError(
          'PORT_SETUP',
          `BAR ${index} of ${size} bytes does not fit the machine's PCI window`,
        );
      }
      const bar: AssignedBar = { index, space, is64, size, address };
      this.#assign(bar);
      bars.push(bar);
      if (is64) index++;
    }
    return bars;
  }

  #sizingMask(index: number): number {
    const offset = pciHeader.fields.bar0.offset + BAR_SIZE * index;
    this.config.write(offset, 4, 0xffff_ffff);
    return this.config.read(offset, 4);
  }

  #assign(bar: AssignedBar): void {
    const offset = pciHeader.fields.bar0.offset + BAR_SIZE * bar.index;
    this.config.write(offset, 4, bar.address);
    if (bar.is64) this.config.write(offset + BAR_SIZE, 4, 0);
  }
}

/** Configuration space through the address and data ports; an access must not cross a dword. */
class ConfigWindow extends QtestWindow {
  readonly #slot: number;

  constructor(qtest: QtestChannel, slot: number) {
    super(qtest, CONFIG_SIZE);
    this.#slot = slot;
  }

  read(offset: number, width: Width): number {
    return this.ask(accessCommand('io', 'read', width, this.#select(offset, width)));
  }

  write(offset: number, width: Width, value: number): void {
    this.qtest.post(
      `${accessCommand('io', 'write', width, this.#select(offset, width))} ${hex(value >>> 0)}`,
    );
  }

  #select(offset: number, width: Width): number {
    this.check(offset, width);
    if ((offset & 3) + width > 4) throw new RangeError(`${width} bytes at ${offset} cross a dword boundary`);
    const address = CONFIG_ENABLE + (this.#slot << 11) + (offset & 0xfc);
    this.qtest.post(`outl ${hex(CONFIG_ADDRESS)} ${hex(address)}`);
    return CONFIG_DATA + (offset & 3);
  }
}
