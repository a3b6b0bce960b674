/** The register window of a virtio-mmio device in a microvm, whose place no guest needs to be told. */
import type { InterruptLine } from '../../port/interrupts.js';
import type { MmioAttachment, RegisterWindow } from '../../port/registers.js';
import type { QtestChannel } from './qtest-channel.js';
import { AddressWindow } from './register-windows.js';

/** The bus to which the command line attaches the device, and where its window lies. */
export const MMIO_BUS = 'virtio-mmio-bus.0';
const WINDOW_BASE = 0xfeb0_0000;
const WINDOW_SIZE = 512;

/** Input of the I/O APIC to which that bus is wired while there is one I/O APIC. */
export const MMIO_INTERRUPT = 5;

/** The window behind a qtest line. */
export class QtestMmioWindow implements MmioAttachment {
  readonly kind = 'mmio';
  readonly window: RegisterWindow;
  readonly line?: InterruptLine;

  constructor(qtest: QtestChannel, line?: InterruptLine) {
    this.window = new AddressWindow(qtest, 'memory', WINDOW_BASE, WINDOW_SIZE);
    if (line !== undefined) this.line = line;
  }
}
