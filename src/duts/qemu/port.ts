/** The worker's half of the QEMU adapter. */
import type { InterruptLine } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { TransportName } from '../../port/transport-name.js';
import { libc, type Mapping } from '../../sys/libc.js';
import { pause, realClock } from '../../sys/real-clock.js';
import type { ControlLink, OpenPort } from '../dut.js';
import { GuestMemory, type GuestRegion } from '../guest-memory.js';
import { copiedMemory } from './copied-memory.js';
import { QtestMmioWindow } from './microvm.js';
import { DEVICE_SLOT, QtestPciFunction } from './pci-bus.js';
import { QtestChannel } from './qtest-channel.js';

/** What the worker needs to reach a started QEMU. Descriptors belong to the process, not to a thread. */
export interface QemuAttach {
  readonly transport: TransportName;
  /** Descriptor for qtest commands, in blocking mode. */
  readonly toQemu: number;
  /** Descriptor for qtest replies, in blocking mode. */
  readonly fromQemu: number;
  /** Memory file to map, or undefined where memory is copied through qtest. */
  readonly memoryFd: number | undefined;
  readonly regions: readonly GuestRegion[];
  readonly settleMs: number;
  /** The device is in a register window, not a PCI function. */
  readonly mmio: boolean;
  /** Input of the machine's I/O APIC that the device asserts; undefined where it cannot be watched. */
  readonly interrupt: number | undefined;
}

/** Opens a started QEMU in the thread that will drive it. Throws `PortError` or `DutGoneError`. */
export const openQemuPort: OpenPort<QemuAttach> = (attach: QemuAttach, link: ControlLink): Port => {
  const qtest = new QtestChannel(attach.toQemu, attach.fromQemu);
  const line = attach.interrupt === undefined ? undefined : watchedLine(qtest, attach.interrupt);
  const pci = attach.mmio ? undefined : new QtestPciFunction(qtest, DEVICE_SLOT, line);
  const attachment = pci ?? new QtestMmioWindow(qtest, line);
  const mappings: Mapping[] = [];
  const dma = openMemory(attach, qtest, mappings);
  let closed = false;
  return {
    transport: attach.transport,
    attachment,
    dma,
    clock: realClock,
    lifecycle: {
      alive: () => !qtest.gone,
      settle() {
        qtest.drain();
        pause(attach.settleMs);
      },
    },
    controls: {
      offered: link.offered,
      invoke(control) {
        qtest.drain();
        link.call(control);
        if (control.name === 'power-cycle') pci?.reassign();
      },
    },
    close() {
      if (closed) return;
      closed = true;
      // The descriptors are the main thread's. The mappings must outlive their views; their pages need not.
      for (const mapping of mappings) mapping.discard();
    },
  };
};

/** The device's interrupt line as the I/O APIC of the machine sees it. */
function watchedLine(qtest: QtestChannel, input: number): InterruptLine | undefined {
  if (!qtest.watchInterrupts('ioapic')) return undefined;
  return { level: () => qtest.asserted(input) };
}

function openMemory(attach: QemuAttach, qtest: QtestChannel, mappings: Mapping[]): GuestMemory {
  const { memoryFd, regions } = attach;
  if (memoryFd === undefined) return copiedMemory(regions, qtest);
  return GuestMemory.mapped(regions, ({ fileOffset, size }) => {
    const mapping = libc().mapShared(memoryFd, fileOffset, size);
    mappings.push(mapping);
    return mapping;
  });
}
