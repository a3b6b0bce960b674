/** The registers of a function by the files of sysfs: every access is one of exactly its width. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DutGoneError } from '../../port/errors.js';
import type { RegisterWindow, Width } from '../../port/registers.js';
import { libc } from '../../sys/libc.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { type RegionAccess, regionWindow } from '../pci-function/port.js';
import type { PlacedBar } from './bars.js';

const PAGE = 4096;

/** What is open of a function. */
export interface FunctionWindows {
  readonly config: RegisterWindow;
  readonly bars: ReadonlyMap<number, RegisterWindow>;
  close(): void;
}

/** Opens configuration space and BARs. Throws `LibcError` and the file system's errors. */
export function openWindows(folder: string, bars: readonly PlacedBar[]): FunctionWindows {
  const fds: number[] = [];
  const open = (name: string) => {
    const fd = openSync(join(folder, name), 'r+');
    fds.push(fd);
    return fd;
  };
  const close = () => {
    for (const fd of fds.splice(0)) closeSync(fd);
  };
  try {
    const fd = open('config');
    const config = withoutLine(regionWindow(fstatSync(fd).size, fileAccess(fd)));
    const windows = bars.map((bar): [number, RegisterWindow] => {
      const fd = open(`resource${bar.index}`);
      return [
        bar.index,
        bar.space === 'io' ? regionWindow(bar.size, fileAccess(fd)) : mapped(fd, bar, config),
      ];
    });
    return { config, bars: new Map(windows), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The kernel makes one access of a read or write that is as long and as aligned as an access can be. */
function fileAccess(fd: number): RegionAccess {
  return {
    read: (offset, data) => whole(readSync(fd, data, 0, data.length, offset), data),
    write: (offset, data) => whole(writeSync(fd, data, 0, data.length, offset), data),
  };
}

function whole(length: number, { length: wanted }: Uint8Array): void {
  if (length !== wanted) throw new DutGoneError('the kernel has no such function any more');
}

/**
 * Configuration space in which the interrupt line is disabled, whatever the driver writes and reads there: nobody in
 * this machine would serve the line, and the kernel gives up one that nobody serves, for all who share it. What the
 * device would assert still shows in the status register.
 */
function withoutLine(config: RegisterWindow): RegisterWindow {
  const { offset: at, size } = pciHeader.fields.command;
  const command = () => config.read(at, size as Width);
  let wanted = command() & PciCommand.INTX_DISABLE;
  config.write(at, 2, command() | PciCommand.INTX_DISABLE);
  /** The bit as it is seen through an access of that width there, and where in the access it is. */
  const within = (offset: number, width: Width) => {
    const bit = 8 * (at - offset) + Math.log2(PciCommand.INTX_DISABLE);
    return bit >= 0 && bit < 8 * width ? 2 ** bit : 0;
  };
  return {
    ...config,
    read(offset, width) {
      const value = config.read(offset, width);
      const bit = within(offset, width);
      return wanted === 0 ? (value & ~bit) >>> 0 : value;
    },
    write(offset, width, value) {
      const bit = within(offset, width);
      if (bit !== 0) wanted = value & bit;
      config.write(offset, width, value | bit);
    },
  };
}

/** A BAR in memory space. Stores are posted; a read of configuration space cannot overtake them. */
function mapped(fd: number, { inPage, size }: PlacedBar, config: RegisterWindow): RegisterWindow {
  const { bytes } = libc().mapShared(fd, 0, Math.ceil((inPage + size) / PAGE) * PAGE);
  const at = bytes.byteOffset + inPage;
  const views = {
    1: new Uint8Array(bytes.buffer, at, size),
    2: new Uint16Array(bytes.buffer, at, Math.floor(size / 2)),
    4: new Uint32Array(bytes.buffer, at, Math.floor(size / 4)),
  } as const;
  // An element of a typed array is loaded and stored by one instruction; a DataView would go by bytes.
  const element = (offset: number, width: Width): number => {
    if (!Number.isInteger(offset) || offset < 0 || offset + width > size)
      throw new RangeError(`${width} bytes at ${offset} are not within a BAR of ${size}`);
    if (offset % width !== 0) throw new RangeError(`${width} bytes at ${offset} are no aligned access`);
    return offset / width;
  };
  const fence = () => void config.read(pciHeader.fields.vendor_id.offset, 2);
  return {
    size,
    read: (offset, width) => views[width][element(offset, width)] ?? 0,
    write(offset, width, value) {
      views[width][element(offset, width)] = value;
    },
    flush: () => {},
    fence,
  };
}
