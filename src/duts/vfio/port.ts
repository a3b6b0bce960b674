/** The worker's half of the VFIO adapter. */
import { readSync, writeSync } from 'node:fs';
import { DutGoneError, PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { RegisterWindow } from '../../port/registers.js';
import type { PciTransportName } from '../../port/transport-name.js';
import { eventfd } from '../../sys/events.js';
import { LibcError, libc } from '../../sys/libc.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { VfioPciIrq } from '../../wire/vfio.js';
import type { OpenPort } from '../dut.js';
import { EventInterrupts } from '../pci-function/event-interrupts.js';
import { pciFunctionPort, regionWindow, statusLine } from '../pci-function/port.js';
import { SHARED_REGIONS, SharedMemory } from '../shared-memory.js';
import {
  type DeviceRegion,
  dmaMap,
  dmaUnmap,
  irqSet,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
  VFIO_IOMMU_MAP_DMA,
  VFIO_IOMMU_UNMAP_DMA,
} from './ioctls.js';
import { placed } from './iova.js';
import type { OpenedFunction } from './vfio-device.js';

/** What the worker needs to drive a function. */
export interface VfioAttach extends OpenedFunction {
  readonly transport: PciTransportName;
  /** There are huge pages for its memory. */
  readonly hugePages: boolean;
  readonly settleMs: number;
}

const COMMAND = pciHeader.fields.command.offset;
const STATUS = pciHeader.fields.status.offset;
/** What is read where nobody answers. */
const NOBODY = 0xffff;

/** Takes a function that was opened, and maps memory for it. Throws `PortError` PORT_SETUP. */
export const openVfioPort: OpenPort<VfioAttach> = (attach, link): Port => {
  const undo: (() => void)[] = [];
  const close = () => undoAll(undo);
  try {
    const { device, transport, settleMs, pin } = attach;
    const config = fileWindow(device, attach.config, () => {
      // A read of the bus comes back when every write before it has arrived; this one has no side effect.
      config.read(STATUS, 2);
    });
    // The rings of the last driver lie in memory that is not mapped any more.
    quieten(attach, config);
    const memory = mapMemory(attach, undo);
    undo.push(() => quieten(attach, config));
    const interrupts = openInterrupts(attach, undo);
    // The kernel answers for the vendor, but not for this register, of which no function has all bits set.
    const gone = () => {
      try {
        return config.read(STATUS, 2) === NOBODY;
      } catch (error) {
        if (error instanceof DutGoneError) return true;
        throw error;
      }
    };
    return pciFunctionPort({
      transport,
      config,
      bars: new Map(
        [...attach.bars.entries()]
          .filter(([, { size }]) => size > 0)
          .map(([index, bar]) => [index, fileWindow(device, bar, config.fence)]),
      ),
      dma: memory.dma,
      // Without vectors there are no messages, and the driver keeps to the line.
      ...(interrupts ? { interrupts } : { messages: false }),
      ...(pin && { line: statusLine(config) }),
      settleMs,
      link,
      attend() {
        if (gone()) throw new DutGoneError('the function does not answer any more');
      },
      alive: () => !gone(),
      close,
    });
  } catch (error) {
    close();
    if (!(error instanceof LibcError)) throw error;
    throw new PortError('PORT_SETUP', `VFIO: ${error.message}`, { cause: error });
  }
};

/** Undoes what was done, the last first, all of it; throws the first error then. */
function undoAll(undo: (() => void)[]): void {
  const errors: unknown[] = [];
  for (const each of undo.splice(0).reverse())
    try {
      each();
    } catch (error) {
      errors.push(error);
    }
  if (errors.length > 0) throw errors[0];
}

/** Keeps the function from memory until it is given bus mastering again, and resets it where the kernel knows how. */
function quieten({ device, resets }: VfioAttach, config: RegisterWindow): void {
  config.write(COMMAND, 2, config.read(COMMAND, 2) & ~PciCommand.MASTER);
  if (resets) libc().ioctl(device, VFIO_DEVICE_RESET);
}

/** The suite's memory at addresses that the IOMMU can map. */
function mapMemory({ container, iovaRanges, hugePages }: VfioAttach, undo: (() => void)[]): SharedMemory {
  // The high memory first, so that addresses of more than 32 bits are what is used unless someone asks otherwise.
  const regions = [...SHARED_REGIONS].reverse().flatMap((region) => placed(region, iovaRanges) ?? []);
  if (regions.length === 0)
    throw new PortError('PORT_SETUP', 'VFIO: no range of addresses that the IOMMU can map is large enough');
  const memory = new SharedMemory({ places: regions, hugePages });
  undo.push(() => memory.close());
  for (const region of memory.regions) {
    // A worker that was ended because it hung has left its own behind.
    libc().ioctl(container, VFIO_IOMMU_UNMAP_DMA, dmaUnmap(region));
    libc().ioctl(container, VFIO_IOMMU_MAP_DMA, dmaMap(region));
    undo.push(() => libc().ioctl(container, VFIO_IOMMU_UNMAP_DMA, dmaUnmap(region)));
  }
  return memory;
}

/**
 * Messages as the kernel hands them on. Without them the line is taken, where there is one: the kernel masks it when it
 * is first asserted, so that it disturbs nobody who shares it, and configuration space goes on telling its level.
 */
function openInterrupts(
  { device, vectors, pin }: VfioAttach,
  undo: (() => void)[],
): EventInterrupts | undefined {
  const line = pin ? eventfd() : undefined;
  if (line !== undefined) undo.push(() => libc().close(line));
  let connected: number | undefined;
  const connect = (index: number | undefined, fds: readonly number[]) => {
    const set = (kind: number, to: readonly number[]) =>
      libc().ioctl(device, VFIO_DEVICE_SET_IRQS, irqSet(kind, to));
    // Of the kinds of interrupts only one can be used.
    if (connected !== undefined && connected !== index) set(connected, []);
    connected = index;
    if (index !== undefined) set(index, fds);
  };
  const events = new EventInterrupts({
    vectors,
    masked: false,
    connect(fds) {
      if (fds.length > 0) connect(VfioPciIrq.MSIX, fds);
      else if (line !== undefined) connect(VfioPciIrq.INTX, [line]);
      else connect(undefined, []);
    },
  });
  undo.push(
    () => events.close(),
    () => connect(undefined, []),
  );
  if (vectors > 0) return events;
  events.deliver(false);
  return undefined;
}

/** A region as registers. An access is one system call, and where it is aligned the kernel makes one of that width. */
function fileWindow(device: number, { offset, size }: DeviceRegion, fence: () => void): RegisterWindow {
  const window = regionWindow(size, {
    read(at, data) {
      data.fill(0xff);
      unlessUndecoded(() => readSync(device, data, 0, data.length, offset + at));
    },
    write: (at, data) => unlessUndecoded(() => writeSync(device, data, 0, data.length, offset + at)),
  });
  return { ...window, fence };
}

/**
 * The kernel refuses what the function does not decode. On a bus, reads had all bits set and writes went nowhere. Throws
 * `DutGoneError` where the kernel has lost the function.
 */
function unlessUndecoded(access: () => void): void {
  try {
    access();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENODEV') throw new DutGoneError(`the function has gone: ${message}`);
    if (code !== 'EIO') throw error;
  }
}
