/** A disk: a direct access block device (SBC-4). */
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { Behaviours } from '../behaviours.js';
import { ModelConfigError } from '../errors.js';
import { BlockStore } from './block-store.js';
import { type BlockUnit, checkBlockRange } from './block-unit.js';
import { CommandTable } from './command-table.js';
import { blockPages } from './commands/block-pages.js';
import { readCapacity } from './commands/capacity.js';
import { deviceIdentificationPage, serialNumberPage } from './commands/identification.js';
import { inquiry } from './commands/inquiry.js';
import { mediumControl } from './commands/medium-control.js';
import { modeCommands } from './commands/mode.js';
import { persistentReserve } from './commands/persistent-reserve.js';
import { reportLuns, requestSense, samLun, testUnitReady } from './commands/primary.js';
import { provisioningCommands } from './commands/provisioning.js';
import { readWrite } from './commands/read-write.js';
import { reportSupported } from './commands/supported.js';
import { LogicalUnit, type UnitReset } from './logical-unit.js';
import { DISK_PAGES, ModePages } from './mode-pages.js';
import { PersistentReservation } from './persistent-reservation.js';
import { generated, protectionTuple } from './protection.js';
import { CheckCondition, Sense, type SenseInfo } from './sense.js';

export interface DiskOptions {
  /** Unit serial number, ASCII. */
  readonly serial: string;
  readonly blocks: bigint;
  /** Bytes, a power of two from 512 to 4096. */
  readonly blockSize: number;
  /** Thin provisioned: UNMAP is served, and unmapped blocks read as zeros. */
  readonly thin: boolean;
  /** Formatted with protection information of type 1. */
  readonly protection?: boolean;
  /** Milliseconds of virtual time that each command takes. */
  readonly delay: number;
}

/** What VPD page B0h promises, in blocks. */
export interface DiskLimits {
  readonly transferBlocks: number;
  readonly compareBlocks: number;
  readonly writeSameBlocks: number;
  readonly unmapBlocks: number;
  readonly unmapDescriptors: number;
}

const TUPLE = protectionTuple.size;
const VENDOR = 'VSCSI';
const PHYSICAL_BLOCK = 4096;
const LARGEST_TRANSFER = 4 * 2 ** 20;
const LARGEST_WRITE_SAME = 16 * 2 ** 20;
const COMPARE_BLOCKS = 8;
const UNMAP_DESCRIPTORS = 16;

export class Disk extends LogicalUnit implements BlockUnit {
  readonly peripheral = DeviceType.DISK;
  readonly commands: CommandTable;
  override readonly blockSize: number;
  readonly thin: boolean;
  readonly protection: boolean;
  readonly limits: DiskLimits;
  readonly modePages = new ModePages(DISK_PAGES);
  /** Persistent reservation; it outlives every reset. */
  readonly reservation = new PersistentReservation();
  blocks: bigint;
  /** Started, that is: serving commands that access the medium. */
  started = true;
  removalPrevented = false;
  readonly #store = new BlockStore();
  /** Protection information that came with blocks; the unit makes that of all others. */
  readonly #tuples = new Map<bigint, Uint8Array>();
  readonly #behaviours: Behaviours;

  /** `unitNumbers` tells the units of its target. */
  constructor(options: DiskOptions, unitNumbers: () => readonly number[], behaviours: Behaviours) {
    super();
    const { blockSize } = options;
    if (![512, 1024, 2048, 4096].includes(blockSize))
      throw new ModelConfigError(`blocks of ${blockSize} bytes are none of 512, 1024, 2048 and 4096`);
    this.blockSize = blockSize;
    this.blocks = options.blocks;
    this.thin = options.thin;
    this.protection = options.protection ?? false;
    this.delay = options.delay;
    this.#behaviours = behaviours;
    this.limits = {
      transferBlocks: LARGEST_TRANSFER / blockSize,
      compareBlocks: COMPARE_BLOCKS,
      writeSameBlocks: LARGEST_WRITE_SAME / blockSize,
      unmapBlocks: LARGEST_WRITE_SAME / blockSize,
      unmapDescriptors: UNMAP_DESCRIPTORS,
    };
    this.commands = new CommandTable([
      inquiry({
        peripheral: this.peripheral,
        removable: false,
        protection: this.protection,
        vendor: VENDOR,
        product: 'REFERENCE DISK',
        revision: '1',
        pages: new Map([
          [0x80, () => serialNumberPage(options.serial)],
          [0x83, () => deviceIdentificationPage(VENDOR, options.serial)],
          ...blockPages(this),
        ]),
      }),
      testUnitReady(),
      requestSense(),
      reportLuns(() => unitNumbers().map(samLun)),
      ...reportSupported(() => this.commands),
      ...readCapacity(this),
      ...readWrite(this),
      ...provisioningCommands(this),
      ...mediumControl(this),
      ...modeCommands(this),
      ...persistentReserve(this),
    ]);
    this.raiseAttention(Sense.POWER_ON);
  }

  override get descriptorSense(): boolean {
    return this.modePages.descriptorSense;
  }

  get writeProtected(): boolean {
    return this.modePages.softwareWriteProtect;
  }

  /** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT. */
  get physicalExponent(): number {
    return Math.log2(PHYSICAL_BLOCK / this.blockSize);
  }

  override reset(kind: UnitReset, attention: SenseInfo): void {
    super.reset(kind, attention);
    this.removalPrevented = false;
    if (kind === 'nexus-loss') return;
    this.modePages.reset();
    this.started = true;
  }

  protected override checkReady(): void {
    if (!this.started) throw new CheckCondition(Sense.NOT_READY_STOPPED);
  }

  checkRange(lba: bigint, blocks: bigint, taken = 0): void {
    checkBlockRange(this.blocks, lba, blocks, taken);
  }

  /** Throws WRITE PROTECTED when the medium may not be written. */
  checkWritable(): void {
    if (this.writeProtected) throw new CheckCondition(Sense.SOFTWARE_WRITE_PROTECTED);
  }

  readBlocks(lba: bigint, blocks: number): Uint8Array {
    return this.#store.read(this.#offset(lba, 'read'), blocks * this.blockSize);
  }

  /** Writes whole blocks from `lba` on, with their protection information where it came along. */
  writeBlocks(lba: bigint, bytes: Uint8Array, protection?: Uint8Array): void {
    this.#store.write(this.#offset(lba, 'write'), bytes);
    const blocks = bytes.length / this.blockSize;
    this.#dropProtection(lba, blocks);
    for (let at = 0; protection && at < blocks; at++)
      this.#tuples.set(lba + BigInt(at), protection.slice(at * TUPLE, (at + 1) * TUPLE));
  }

  /** Protection information of a block with these contents. */
  protectionOf(lba: bigint, block: Uint8Array): Uint8Array {
    return this.#tuples.get(lba) ?? generated(lba, block);
  }

  #dropProtection(lba: bigint, blocks: number): void {
    if (this.#tuples.size === 0) return;
    for (let at = 0; at < blocks; at++) this.#tuples.delete(lba + BigInt(at));
  }

  /** Writes the same block many times. */
  fillBlocks(lba: bigint, blocks: number, block: Uint8Array): void {
    const offset = this.#offset(lba, 'write');
    this.#dropProtection(lba, blocks);
    for (let at = 0; at < blocks; at++) this.#store.write(offset + at * this.blockSize, block);
  }

  /** Sets blocks to zero. */
  clearBlocks(lba: bigint, blocks: number): void {
    this.#store.clear(this.#offset(lba, 'write'), blocks * this.blockSize);
    this.#dropProtection(lba, blocks);
  }

  clearAll(): void {
    this.#store.clear(0, Number(this.blocks) * this.blockSize);
    this.#tuples.clear();
  }

  #offset(lba: bigint, access: 'read' | 'write'): number {
    this.checkFault(access, lba);
    return Number(this.#behaviours.mediumBlock(lba, access)) * this.blockSize;
  }
}
