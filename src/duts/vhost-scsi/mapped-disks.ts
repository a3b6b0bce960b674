/** Disks whose commands can be held and made to fail, and whose size can change: the device mapper stands between. */
import { accessSync, closeSync, constants, openSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { FAULT_ACCESSES } from '../../port/controls.js';
import { MAPPER_CONTROL, MappedDevice, type MapperTarget } from '../../sys/device-mapper.js';
import { LOOP_CONTROL, withLoopDevice } from '../../sys/loop-device.js';

type Access = (typeof FAULT_ACCESSES)[number];

const SECTOR = 512;
/** Sectors of the device on which everything fails: not less than any other has. */
const ENDLESS = 2 ** 40;
/** So many times its size a disk may grow to. */
const ROOM = 2;

/** Whether the kernel and its user allow such disks to be made here. */
export function canMapDisks(): boolean {
  try {
    for (const path of [MAPPER_CONTROL, LOOP_CONTROL]) accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Makes disks on files without names. */
export class MappedDisks {
  readonly #name: string;
  readonly #folder: string;
  #made = 0;
  #failing: MappedDevice | undefined;
  readonly #disks = new Set<MappedDisk>();

  /** `name` begins the names of what is made; files are in the folder. */
  constructor(name: string, folder: string) {
    this.#name = name;
    this.#folder = folder;
  }

  /** A disk of so many bytes, in blocks of the other number. Throws `LibcError` and the file system's errors. */
  make(bytes: number, blockSize: number): MappedDisk {
    this.#failing ??= new MappedDevice(`${this.#name}-failing`, {
      sectors: ENDLESS,
      type: 'error',
      parameters: '',
    });
    const failing = this.#failing.path;
    const name = `${this.#name}-${this.#made++}`;
    const file = join(this.#folder, `${name}.img`);
    closeSync(openSync(file, 'wx', 0o600));
    try {
      truncateSync(file, ROOM * bytes);
      const disk = withLoopDevice(
        file,
        blockSize,
        (device) =>
          new MappedDisk({
            ...{ name, device, failing },
            sectors: bytes / SECTOR,
            sectorsPerBlock: blockSize / SECTOR,
          }),
      );
      this.#disks.add(disk);
      return disk;
    } finally {
      // The loop device has it open.
      rmSync(file);
    }
  }

  /** Gives a disk up that nobody has open. */
  remove(disk: MappedDisk): void {
    this.#disks.delete(disk);
    disk.remove();
  }

  /** What is held goes on. */
  releaseAll(): void {
    for (const disk of this.#disks) disk.release();
  }

  /** Gives everything up. */
  close(): void {
    for (const disk of [...this.#disks]) this.remove(disk);
    this.#failing?.remove();
    this.#failing = undefined;
  }
}

interface DiskOptions {
  readonly name: string;
  /** Path of the block device that has its content. */
  readonly device: string;
  /** Path of a device on which everything fails. */
  readonly failing: string;
  readonly sectors: number;
  readonly sectorsPerBlock: number;
}

/** One of them. */
export class MappedDisk {
  readonly #device: string;
  readonly #mapped: MappedDevice;
  readonly #failing: string;
  readonly #faults = new Set<Access>();
  readonly #sectorsPerBlock: number;
  #sectors: number;
  #held = false;

  constructor({ name, device, failing, sectors, sectorsPerBlock }: DiskOptions) {
    this.#device = device;
    this.#failing = failing;
    this.#sectors = sectors;
    this.#sectorsPerBlock = sectorsPerBlock;
    this.#mapped = new MappedDevice(name, this.#target());
  }

  /** Where the disk is found. */
  get path(): string {
    return this.#mapped.path;
  }

  /** What is asked of the disk from now on waits. */
  hold(): void {
    if (!this.#held) this.#mapped.suspend();
    this.#held = true;
  }

  release(): void {
    if (this.#held) this.#mapped.resume();
    this.#held = false;
  }

  resize(blocks: number): void {
    this.#sectors = blocks * this.#sectorsPerBlock;
    this.#change();
  }

  /** Every access of this kind fails. */
  fail(access: Access): void {
    this.#faults.add(access);
    this.#change();
  }

  clear(): void {
    this.#faults.clear();
    this.#change();
  }

  remove(): void {
    this.#mapped.remove();
  }

  #change(): void {
    if (this.#held) this.#mapped.load(this.#target());
    else this.#mapped.replace(this.#target());
  }

  #target(): MapperTarget {
    const sectors = this.#sectors;
    if (this.#faults.size === 0) return { sectors, type: 'linear', parameters: `${this.#device} 0` };
    // A delay of no time, for the sake of its having different devices for what is read and for what is written.
    const on = (access: Access) => `${this.#faults.has(access) ? this.#failing : this.#device} 0 0`;
    return { sectors, type: 'delay', parameters: `${on('read')} ${on('write')}` };
  }
}
