/** A disk: a direct access block device (SBC-4). */
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { Behaviours } from '../behaviours.js';
import { ModelConfigError } from '../errors.js';
import { BlockMedium } from './block-medium.js';
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
import { diskPages, ModePages } from './mode-pages.js';
import { PersistentReservation } from './persistent-reservation.js';
import type { ProtectionType } from './protection.js';
import type { ProvisionedRun, ProvisioningStatus } from './provisioning-map.js';
import { CheckCondition, Sense, type SenseInfo } from './sense.js';
import { MEDIA_BLOCKS, type MediumChoice, Tray } from './tray.js';

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
  /** The medium can be taken out. */
  readonly removable?: boolean;
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
  readonly removable: boolean;
  readonly limits: DiskLimits;
  /** Where the medium is; it never opens where the medium cannot be removed. */
  readonly tray: Tray<BlockMedium>;
  /** The media that have been in: what is on one stays on it. */
  readonly #media = new Map<MediumChoice, BlockMedium>();
  readonly modePages: ModePages;
  /** Persistent reservation; it outlives every reset. */
  readonly reservation = new PersistentReservation();
  /** Started, that is: serving commands that access the medium. */
  started = true;
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
    this.thin = options.thin;
    this.protection = options.protection ?? 0;
    this.modePages = new ModePages(diskPages(this.protection !== 0));
    this.readOnly = options.readOnly ?? false;
    this.removable = options.removable ?? false;
    if (options.blocks > 0n) this.#media.set('usual', this.#newMedium(options.blocks));
    this.tray = new Tray(this.#media.get('usual'), () => this.raiseAttention(Sense.MEDIUM_MAY_HAVE_CHANGED));
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
        removable: this.removable,
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

  /** Blocks of the medium; 0 while there is none. */
  get blocks(): bigint {
    return this.tray.medium?.blocks ?? 0n;
  }

  /** Gives the medium another size. Throws `CheckCondition` where there is none. */
  resize(blocks: bigint): void {
    this.#medium.blocks = blocks;
  }

  /** Lets the medium out, which lies in the slot then. */
  open(): void {
    this.tray.open();
  }

  /** Takes the medium out. */
  eject(): void {
    this.tray.eject();
  }

  /** Puts a medium in, in place of any that is there. */
  insert(which: MediumChoice): void {
    const medium = this.#media.get(which) ?? this.#newMedium(MEDIA_BLOCKS.disk[which]);
    this.#media.set(which, medium);
    this.tray.insert(medium);
  }

  override get descriptorSense(): boolean {
    return this.modePages.descriptorSense;
  }

  protected override get writesBack(): boolean {
    return this.modePages.writeCache;
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
    this.tray.removalPrevented = false;
    if (kind === 'hard') this.#timestamp.reset();
    if (kind === 'nexus-loss') return;
    this.modePages.reset();
    this.started = true;
  }

  protected override checkReady(): void {
    this.requireMedium();
    if (!this.started) throw new CheckCondition(Sense.NOT_READY_STOPPED);
  }

  /** Throws MEDIUM NOT PRESENT. */
  requireMedium(): void {
    if (this.tray.medium === undefined) throw new CheckCondition(Sense.MEDIUM_NOT_PRESENT);
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
    return this.#medium.read(this.#accessed(lba, 'read'), blocks);
  }

  /** Writes whole blocks from `lba` on, with their protection information where it came along. */
  writeBlocks(lba: bigint, bytes: Uint8Array, protection?: Uint8Array): void {
    this.#medium.write(lba, this.#accessed(lba, 'write'), bytes, protection);
  }

  /** Protection information of a block with these contents. */
  protectionOf(lba: bigint, block: Uint8Array): Uint8Array {
    return this.#medium.protectionOf(lba, block);
  }

  /** Writes the same block many times. */
  fillBlocks(lba: bigint, blocks: number, block: Uint8Array): void {
    this.#medium.fill(lba, this.#accessed(lba, 'write'), blocks, block);
  }

  /** Sets blocks to zero, and gives them this provisioning status. */
  clearBlocks(lba: bigint, blocks: number, status: ProvisioningStatus): void {
    this.#medium.clear(lba, this.#accessed(lba, 'write'), blocks, status);
  }

  /** Makes the whole medium new: every block holds this pattern, or without one zeros in no storage of its own. */
  renew(block?: Uint8Array): void {
    this.checkFault('write', 0n);
    this.#medium.renew(block);
  }

  /** The blocks from `lba` on that have the same provisioning status. */
  provisionedRun(lba: bigint): ProvisionedRun {
    return this.#medium.provisionedRun(lba);
  }

  get #medium(): BlockMedium {
    const { medium } = this.tray;
    if (medium === undefined) throw new CheckCondition(Sense.MEDIUM_NOT_PRESENT);
    return medium;
  }

  #newMedium(blocks: bigint): BlockMedium {
    const { blockSize, thin, protection } = this;
    return new BlockMedium(blocks, { blockSize, thin, protection });
  }

  /** Where a block is accessed; throws `CheckCondition` or `DeliveryFailure` where a fault is in the way. */
  #accessed(lba: bigint, access: 'read' | 'write'): bigint {
    this.checkFault(access, lba);
    return this.#behaviours.mediumBlock(lba, access);
  }
}
