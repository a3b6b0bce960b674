/**
 * A PCI function that is reached by regions: its configuration space and BARs as windows, memory that it reaches by
 * DMA. Whoever owns the bus has assigned the BARs.
 */
import type { InterruptLine } from '../../port/interrupts.js';
import type { Clock } from '../../port/lifecycle.js';
import type { Port } from '../../port/port.js';
import type { RegisterWindow } from '../../port/registers.js';
import type { PciTransportName } from '../../port/transport-name.js';
import { pause, realClock } from '../../sys/real-clock.js';
import { PciCommand, PciStatus, pciHeader } from '../../wire/pci.js';
import type { ControlLink } from '../dut.js';
import { eventClock } from '../event-clock.js';
import type { EventInterrupts } from './event-interrupts.js';

/** A device that asks for something is kept waiting no longer than this while it settles. */
const LISTEN_MS = 0.1;

/** What a port to a function is made of. */
export interface PciFunctionParts {
  readonly transport: PciTransportName;
  readonly config: RegisterWindow;
  /** By BAR number; a BAR of 64 bits by its first. */
  readonly bars: ReadonlyMap<number, RegisterWindow>;
  readonly dma: Port['dma'];
  /**
   * Left out where nobody delivers them, and messages reach memory as all DMA does: the transport then aims the MSI-X
   * table at memory.
   */
  readonly interrupts?: EventInterrupts;
  /** As `PciAttachment` has it. */
  readonly messages?: boolean;
  /** INTx, where it can be watched; `statusLine` does it by configuration space. */
  readonly line?: InterruptLine;
  /** Milliseconds after which a device that was given nothing new is taken to be at rest. */
  readonly settleMs: number;
  /** Controls of the main thread. */
  readonly link: ControlLink;
  /** Left out: waiting ends at an interrupt, where they are delivered, or looks again after a pause. */
  readonly clock?: Clock;
  /** Deals with what comes unasked, and throws `DutGoneError` when the device is gone. */
  attend?(): void;
  /** Reaches the function again after a power cycle. */
  renew?(): void;
  alive(): boolean;
  /** Releases all of it. */
  close(): void;
}

/** The port to a function. */
export function pciFunctionPort(parts: PciFunctionParts): Port {
  const { transport, config, bars, dma, interrupts, messages, line, settleMs, link } = parts;
  const attend = () => parts.attend?.();
  let closed = false;
  return {
    transport,
    attachment: {
      kind: 'pci',
      config,
      bar: (index) => bars.get(index),
      ...(line && { line }),
      ...(messages !== undefined && { messages }),
    },
    dma,
    ...(interrupts && { interrupts }),
    clock: parts.clock ?? (interrupts ? eventClock((limitMs) => interrupts.wait(limitMs)) : realClock),
    lifecycle: {
      alive: () => parts.alive(),
      settle() {
        attend();
        config.fence();
        const until = performance.now() + settleMs;
        for (let left = settleMs; left > 0; left = until - performance.now()) {
          pause(parts.attend ? Math.min(left, LISTEN_MS) : left);
          attend();
        }
      },
    },
    controls: {
      offered: link.offered,
      invoke(control) {
        attend();
        link.call(control);
        if (control.name === 'power-cycle') parts.renew?.();
      },
    },
    close() {
      if (closed) return;
      closed = true;
      parts.close();
    },
  };
}

/**
 * INTx as configuration space tells it: asserted while the status register shows an interrupt and the command register
 * does not disable the line (PCI Local Bus 3.0, 6.2.3).
 */
export function statusLine(config: RegisterWindow): InterruptLine {
  const { status, command } = pciHeader.fields;
  return {
    level: () =>
      (config.read(status.offset, 2) & PciStatus.INTERRUPT) !== 0 &&
      (config.read(command.offset, 2) & PciCommand.INTX_DISABLE) === 0,
  };
}

/** The parts of a region of a file that `pread` and `pwrite` reach, or of a protocol that has the like. */
export interface RegionAccess {
  /** Fills `data` from `offset` of the region, in one access of that width. */
  read(offset: number, data: Uint8Array): void;
  /** Puts `data` to `offset` of the region, in one access of that width. */
  write(offset: number, data: Uint8Array): void;
}

/** A region as registers: every access is one of exactly its width, and has been made when it returns. */
export function regionWindow(size: number, access: RegionAccess): RegisterWindow {
  const data = Buffer.alloc(4);
  const check = (offset: number, width: number) => {
    if (!Number.isInteger(offset) || offset < 0 || offset + width > size)
      throw new RangeError(`${width} bytes at ${offset} are not within a region of ${size}`);
  };
  return {
    size,
    read(offset, width) {
      check(offset, width);
      access.read(offset, data.subarray(0, width));
      return data.readUIntLE(0, width);
    },
    write(offset, width, value) {
      check(offset, width);
      data.writeUIntLE(value >>> 0, 0, width);
      access.write(offset, data.subarray(0, width));
    },
    flush: () => {},
    fence: () => {},
  };
}
