/** A CD-ROM drive: a multimedia device (MMC-6), whose medium comes and goes. */
import { DeviceType } from '../../wire/scsi/inquiry.js';
import { AsyncEvent } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import { type BlockUnit, checkBlockRange } from './block-unit.js';
import { CommandTable } from './command-table.js';
import { shortReadCapacity } from './commands/capacity.js';
import { deviceIdentificationPage, serialNumberPage } from './commands/identification.js';
import { inquiry } from './commands/inquiry.js';
import { reportLuns, requestSense, samLun, testUnitReady } from './commands/primary.js';
import { readCommands } from './commands/read-write.js';
import { MediaEvent, removableMedium } from './commands/removable-medium.js';
import { LogicalUnit, type UnitReset } from './logical-unit.js';
import { CheckCondition, Sense, type SenseInfo } from './sense.js';
import { MEDIA_BLOCKS, type MediumChoice, Tray } from './tray.js';

/** A disc. Each of its blocks begins with its own address and their number, eight bytes each, big-endian. */
export interface Medium {
  readonly blocks: bigint;
}

export interface CdromOptions {
  /** Unit serial number, ASCII. */
  readonly serial: string;
  /** Blocks of the medium that is in the drive; 0 for none. */
  readonly blocks: bigint;
  /** Milliseconds of virtual time that each command takes. */
  readonly delay: number;
}

const VENDOR = 'VSCSI';
const BLOCK_SIZE = 2048;
const LARGEST_TRANSFER = 4 * 2 ** 20;

export class Cdrom extends LogicalUnit implements BlockUnit {
  readonly peripheral = DeviceType.CDROM;
  readonly commands: CommandTable;
  override readonly blockSize = BLOCK_SIZE;
  override readonly asyncEvents = AsyncEvent.MEDIA_CHANGE;
  readonly limits = { transferBlocks: LARGEST_TRANSFER / BLOCK_SIZE };
  readonly tray: Tray<Medium>;
  #mediaEvent: number = MediaEvent.NONE;
  readonly #behaviours: Behaviours;

  /** `unitNumbers` tells the units of its target. */
  constructor(
    { serial, blocks, delay }: CdromOptions,
    unitNumbers: () => readonly number[],
    behaviours: Behaviours,
  ) {
    super();
    this.tray = new Tray<Medium>(blocks > 0n ? { blocks } : undefined, () => {
      this.#mediaEvent = MediaEvent.NEW_MEDIA;
      this.raiseAttention(Sense.MEDIUM_MAY_HAVE_CHANGED);
    });
    this.delay = delay;
    this.#behaviours = behaviours;
    this.commands = new CommandTable([
      inquiry({
        peripheral: this.peripheral,
        removable: true,
        vendor: VENDOR,
        product: 'REFERENCE CD-ROM',
        revision: '1',
        pages: new Map([
          [0x80, () => serialNumberPage(serial)],
          [0x83, () => deviceIdentificationPage(VENDOR, serial)],
        ]),
      }),
      testUnitReady(),
      requestSense(),
      reportLuns(() => unitNumbers().map(samLun)),
      shortReadCapacity(this),
      ...readCommands(this, ['READ(10)', 'READ(12)']),
      ...removableMedium(this),
    ]);
    this.raiseAttention(Sense.POWER_ON);
  }

  /** What can be read; undefined while the tray is open or empty. */
  get medium(): Medium | undefined {
    return this.tray.medium;
  }

  get blocks(): bigint {
    return this.medium?.blocks ?? 0n;
  }

  /** Opens the tray and takes out what lies in it. */
  eject(): void {
    this.#goes();
    this.tray.eject();
  }

  /** Puts another medium in, and closes the tray. */
  insert(which: MediumChoice): void {
    this.tray.insert({ blocks: MEDIA_BLOCKS.cdrom[which] });
  }

  /** Opens the tray; the medium lies in it. */
  open(): void {
    this.#goes();
    this.tray.open();
  }

  #goes(): void {
    if (this.medium) this.#mediaEvent = MediaEvent.MEDIA_REMOVAL;
  }

  /** The event of the media class that was not told yet. */
  takeMediaEvent(): number {
    const event = this.#mediaEvent;
    this.#mediaEvent = MediaEvent.NONE;
    return event;
  }

  override reset(kind: UnitReset, attention: SenseInfo): void {
    super.reset(kind, attention);
    this.tray.removalPrevented = false;
  }

  /** Throws MEDIUM NOT PRESENT if a medium is needed and there is none. */
  requireMedium(needed = true): void {
    if (!needed || this.medium) return;
    throw new CheckCondition(this.tray.isOpen ? Sense.NO_MEDIUM_TRAY_OPEN : Sense.NO_MEDIUM_TRAY_CLOSED);
  }

  protected override checkReady(): void {
    this.requireMedium();
  }

  checkRange(lba: bigint, blocks: bigint, taken = 0): void {
    checkBlockRange(this.blocks, lba, blocks, taken);
  }

  readBlocks(lba: bigint, blocks: number): Uint8Array {
    this.checkFault('read', lba);
    const first = this.#behaviours.mediumBlock(lba, 'read');
    const bytes = new Uint8Array(blocks * BLOCK_SIZE);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < blocks; at++) {
      view.setBigUint64(at * BLOCK_SIZE, first + BigInt(at));
      view.setBigUint64(at * BLOCK_SIZE + 8, this.blocks);
    }
    return bytes;
  }
}
