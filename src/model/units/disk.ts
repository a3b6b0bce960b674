/** A disk: a direct access block device (SBC-4). */
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { Behaviours } from '../behaviours.js';
import type { Target } from '../scsi/topology.js';
import { BlockStore } from './block-store.js';
import { CommandTable } from './command-table.js';
import { deviceIdentificationPage, serialNumberPage } from './commands/identification.js';
import { inquiry } from './commands/inquiry.js';
import { reportLuns, requestSense, samLun, testUnitReady } from './commands/primary.js';
import { readWrite } from './commands/read-write.js';
import { LogicalUnit } from './logical-unit.js';
import { CheckCondition, Sense } from './sense.js';

export interface DiskOptions {
  /** Unit serial number, ASCII. */
  readonly serial: string;
  readonly blocks: bigint;
  readonly blockSize: number;
  /** Milliseconds of virtual time that each command takes. */
  readonly delay: number;
}

const VENDOR = 'VSCSI';

export class Disk extends LogicalUnit {
  readonly peripheral = DeviceType.DISK;
  readonly commands: CommandTable;
  override readonly blockSize: number;
  blocks: bigint;
  readonly #store = new BlockStore();
  readonly #behaviours: Behaviours;

  constructor(options: DiskOptions, target: Target, behaviours: Behaviours) {
    super();
    this.blockSize = options.blockSize;
    this.blocks = options.blocks;
    this.delay = options.delay;
    this.#behaviours = behaviours;
    this.commands = new CommandTable([
      inquiry({
        peripheral: this.peripheral,
        removable: false,
        vendor: VENDOR,
        product: 'REFERENCE DISK',
        revision: '1',
        pages: new Map([
          [0x80, () => serialNumberPage(options.serial)],
          [0x83, () => deviceIdentificationPage(VENDOR, options.serial)],
        ]),
      }),
      testUnitReady(),
      requestSense(),
      reportLuns(() => target.unitNumbers.map(samLun)),
      ...readWrite(this),
    ]);
    this.raiseAttention(Sense.POWER_ON);
  }

  /** Throws LOGICAL BLOCK ADDRESS OUT OF RANGE unless all blocks exist; a range of none may begin at the end. */
  checkRange(lba: bigint, blocks: bigint): void {
    if (lba + blocks > this.blocks) throw new CheckCondition({ ...Sense.LBA_OUT_OF_RANGE, information: lba });
  }

  /** Throws WRITE PROTECTED when the medium may not be written. */
  checkWritable(): void {}

  readBlocks(lba: bigint, blocks: number): Uint8Array {
    return this.#store.read(this.#offset(lba, 'read'), blocks * this.blockSize);
  }

  /** Writes whole blocks from `lba` on. */
  writeBlocks(lba: bigint, bytes: Uint8Array): void {
    this.#store.write(this.#offset(lba, 'write'), bytes);
  }

  #offset(lba: bigint, access: 'read' | 'write'): number {
    return Number(this.#behaviours.mediumBlock(lba, access)) * this.blockSize;
  }
}
