/** A disk: a direct access block device (SBC-4). */
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { Behaviours } from '../behaviours.js';
import { ModelConfigError } from '../errors.js';
import { BlockStore } from './block-store.js';
import { type BlockUnit, checkBlockRange } from './block-unit.js';
import { CommandTable } from './command-table.js';
import { blockPages } from './commands/block-pages.js';
import { bufferCommands } from './commands/buffers.js';
import { readCapacity } from './commands/capacity.js';
import { defectCommands } from './commands/defects.js';
import { diagnosticCommands } from './commands/diagnostics.js';
import { deviceIdentificationPage, serialNumberPage } from './commands/identification.js';
import { inquiry } from './commands/inquiry.js';
import { logCommands } from './commands/log.js';
import { mediumControl } from './commands/medium-control.js';
import { modeCommands } from './commands/mode.js';
import { persistentReserve } from './commands/persistent-reserve.js';
import { reportLuns, requestSense, samLun, testUnitReady } from './commands/primary.js';
import { provisioningCommands } from './commands/provisioning.js';
import { readWrite } from './commands/read-write.js';
import { sanitizeCommands } from './commands/sanitize.js';
import { reportSupported } from './commands/supported.js';
import { timestampCommands, UnitTimestamp } from './commands/timestamp.js';
import { LogicalUnit, type UnitReset } from './logical-unit.js';
import { DISK_PAGES, ModePages } from './mode-pages.js';
import { PersistentReservation } from './persistent-reservation.js';
import { generated, type ProtectionType, protectionTuple } from './protection.js';
import { type ProvisionedRun, ProvisioningMap, ProvisioningStatus } from './provisioning-map.js';
import { CheckCondition, Sense, type SenseInfo } from './sense.js';

export interface DiskOptions {
  /** Unit serial number, ASCII. */
  readonly serial: string;
  readonly blocks: bigint;
  /** Bytes, a power of two from 512 to 4096. */
  readonly blockSize: number;
  /** Thin provisioned: UNMAP is served, and unmapped blocks read as zeros. */
  readonly thin: boolean;
  /** Type of the protection information with which it is formatted; 0, or left out, for none. */
  readonly protection?: ProtectionType;
  /** The medium cannot be written. */
  readonly readOnly?: boolean;
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
  readonly atomicBlocks: number;
}

const TUPLE = protectionTuple.size;
const VENDOR = 'VSCSI';
/** SAM-5, SPC-4 and SBC-3, none of them by its revision. */
const VERSIONS = [0x00a0, 0x0460, 0x04c0];
const PHYSICAL_BLOCK = 4096;
const LARGEST_TRANSFER = 4 * 2 ** 20;
const LARGEST_WRITE_SAME = 16 * 2 ** 20;
const COMPARE_BLOCKS = 8;
const UNMAP_DESCRIPTORS = 16;
const ATOMIC_BLOCKS = 64;

export class Disk extends LogicalUnit implements BlockUnit {
  readonly peripheral = DeviceType.DISK;
  readonly commands: CommandTable;
  override readonly blockSize: number;
  readonly thin: boolean;
  readonly protection: ProtectionType;
  readonly readOnly: boolean;
  readonly limits: DiskLimits;
  readonly modePages = new ModePages(DISK_PAGES);
  /** Persistent reservation; it outlives every reset. */
  readonly reservation = new PersistentReservation();
  blocks: bigint;
  /** Started, that is: serving commands that access the medium. */
  started = true;
  removalPrevented = false;
  readonly #store = new BlockStore();
  readonly #provisioning = new ProvisioningMap();
  /** Protection information that came with blocks; the unit makes that of all others. */
  readonly #tuples = new Map<bigint, Uint8Array>();
  readonly #timestamp: UnitTimestamp;
  readonly #behaviours: Behaviours;

  /** `unitNumbers` tells the units of its target, `now` the time in milliseconds. */
  constructor(
    options: DiskOptions,
    unitNumbers: () => readonly number[],
    behaviours: Behaviours,
    now: () => number = () => 0,
  ) {
    super();
    const { blockSize } = options;
    if (![512, 1024, 2048, 4096].includes(blockSize))
      throw new ModelConfigError(`blocks of ${blockSize} bytes are none of 512, 1024, 2048 and 4096`);
    this.blockSize = blockSize;
    this.blocks = options.blocks;
    this.thin = options.thin;
    this.protection = options.protection ?? 0;
    this.readOnly = options.readOnly ?? false;
    this.delay = options.delay;
    this.#behaviours = behaviours;
    this.#timestamp = new UnitTimestamp(now);
    this.limits = {
      transferBlocks: LARGEST_TRANSFER / blockSize,
      compareBlocks: COMPARE_BLOCKS,
      writeSameBlocks: LARGEST_WRITE_SAME / blockSize,
      unmapBlocks: LARGEST_WRITE_SAME / blockSize,
      unmapDescriptors: UNMAP_DESCRIPTORS,
      atomicBlocks: ATOMIC_BLOCKS,
    };
    this.commands = new CommandTable([
      inquiry({
        peripheral: this.peripheral,
        removable: false,
        protection: this.protection !== 0,
        vendor: VENDOR,
        product: 'REFERENCE DISK',
        revision: '1',
        versions: VERSIONS,
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
      ...defectCommands(),
      ...sanitizeCommands(this),
      ...mediumControl(this),
      ...diagnosticCommands(),
      ...bufferCommands(),
      ...logCommands(),
      ...timestampCommands(this.#timestamp),
      ...modeCommands(this),
      ...persistentReserve(this),
    ]);
    this.raiseAttention(Sense.POWER_ON);
  }

  override get descriptorSense(): boolean {
    return this.modePages.descriptorSense;
  }

  get writeProtected(): boolean {
    return this.readOnly || this.modePages.softwareWriteProtect;
  }

  /** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT. */
  get physicalExponent(): number {
    return Math.log2(PHYSICAL_BLOCK / this.blockSize);
  }

  override reset(kind: UnitReset, attention: SenseInfo): void {
    super.reset(kind, attention);
    this.removalPrevented = false;
    if (kind === 'hard') this.#timestamp.reset();
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
    if (this.readOnly) throw new CheckCondition(Sense.WRITE_PROTECTED);
    if (this.writeProtected) throw new CheckCondition(Sense.SOFTWARE_WRITE_PROTECTED);
  }

  readBlocks(lba: bigint, blocks: number): Uint8Array {
    return this.#store.read(this.#offset(lba, 'read'), blocks * this.blockSize);
  }

  /** Writes whole blocks from `lba` on, with their protection information where it came along. */
  writeBlocks(lba: bigint, bytes: Uint8Array, protection?: Uint8Array): void {
    this.#store.write(this.#offset(lba, 'write'), bytes);
    const blocks = bytes.length / this.blockSize;
    this.#overwritten(lba, blocks);
    for (let at = 0; protection && at < blocks; at++)
      this.#tuples.set(lba + BigInt(at), protection.slice(at * TUPLE, (at + 1) * TUPLE));
  }

  /** Protection information of a block with these contents. */
  protectionOf(lba: bigint, block: Uint8Array): Uint8Array {
    return this.#tuples.get(lba) ?? generated(this.protection, lba, block);
  }

  /** New contents: blocks are mapped then, and their protection information is no longer the one that came before. */
  #overwritten(lba: bigint, blocks: number, status: ProvisioningStatus = ProvisioningStatus.MAPPED): void {
    if (this.thin) this.#provisioning.set(lba, BigInt(blocks), status);
    if (this.#tuples.size === 0) return;
    for (let at = 0; at < blocks; at++) this.#tuples.delete(lba + BigInt(at));
  }

  /** Writes the same block many times. */
  fillBlocks(lba: bigint, blocks: number, block: Uint8Array): void {
    const offset = this.#offset(lba, 'write');
    this.#overwritten(lba, blocks);
    for (let at = 0; at < blocks; at++) this.#store.write(offset + at * this.blockSize, block);
  }

  /** Sets blocks to zero, and gives them this provisioning status. */
  clearBlocks(lba: bigint, blocks: number, status: ProvisioningStatus): void {
    this.#store.clear(this.#offset(lba, 'write'), blocks * this.blockSize);
    this.#overwritten(lba, blocks, status);
  }

  /** Makes the whole medium new: every block holds this pattern, or without one zeros in no storage of its own. */
  renew(block?: Uint8Array): void {
    this.checkFault('write', 0n);
    this.#store.renew(block);
    if (this.thin)
      this.#provisioning.set(
        0n,
        this.blocks,
        block ? ProvisioningStatus.MAPPED : ProvisioningStatus.DEALLOCATED,
      );
    this.#tuples.clear();
  }

  /** The blocks from `lba` on that have the same provisioning status. */
  provisionedRun(lba: bigint): ProvisionedRun {
    return this.thin
      ? this.#provisioning.run(lba, this.blocks)
      : { lba, blocks: this.blocks - lba, status: ProvisioningStatus.MAPPED };
  }

  #offset(lba: bigint, access: 'read' | 'write'): number {
    this.checkFault(access, lba);
    return Number(this.#behaviours.mediumBlock(lba, access)) * this.blockSize;
  }
}
