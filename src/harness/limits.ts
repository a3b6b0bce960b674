/** What a device says that a driver may ask of it ("Device configuration layout", "Virtqueues"). */
import { QueueIndex } from '../wire/virtio-scsi.js';
import type { Exchange } from './exchange.js';
import type { ChainElement } from './ring.js';

const LUN_BYTES = 8;

/** Going on would break a limit that the device has announced, which a driver does not do. */
export class BeyondLimits extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BeyondLimits';
  }
}

/** A ring has too few free descriptors for a chain. */
export class RingFull extends RangeError {
  constructor(needed: number, free: number, size: number) {
    super(`the chain needs ${needed} descriptors, ${free} of ${size} are free`);
    this.name = 'RingFull';
  }
}

/** Limits of the device configuration; 0 is no limit that a driver could keep, and tells nothing. */
export interface AnnouncedLimits {
  /** Commands on their way to one logical unit. */
  readonly cmd_per_lun: number;
  /** Segments of the data of a command, in each direction. */
  readonly seg_max: number;
}

/** Throws BeyondLimits where a request has more pieces of data in one direction than a command may have. */
export function keepToSegments(elements: readonly ChainElement[], { seg_max }: AnnouncedLimits): void {
  if (seg_max === 0) return;
  let count = 0;
  for (const { table } of elements) count += table?.length ?? 1;
  // One piece of each direction is the fixed part of the request.
  if (count <= seg_max + 1) return;
  const pieces = elements.flatMap((element) => element.table ?? [element]);
  for (const writable of [false, true]) {
    const count = pieces.filter((piece) => piece.writable === writable).length - 1;
    if (count > seg_max)
      throw new BeyondLimits(`the device takes ${seg_max} segments in a command (seg_max), and not ${count}`);
  }
}

/** The unit that a chain of a request queue is for: what the first eight bytes that the device reads say. */
function unitOf({ queue, scsi, placed }: Exchange): string | undefined {
  if (queue < QueueIndex.REQUEST) return undefined;
  const lun =
    scsi?.request.lun ?? Buffer.concat(placed.out.map(({ initial }) => initial)).subarray(0, LUN_BYTES);
  return Buffer.from(lun).toString('hex');
}

/** Throws BeyondLimits where more commands would be on their way to a unit than it takes. */
export function keepToCommands(
  flying: ReadonlyMap<unknown, Exchange>,
  more: readonly Exchange[],
  { cmd_per_lun }: AnnouncedLimits,
): void {
  if (cmd_per_lun === 0 || flying.size + more.length <= cmd_per_lun) return;
  const counts = new Map<string, number>();
  for (const exchange of [...flying.values(), ...more]) {
    const unit = unitOf(exchange);
    if (unit === undefined) continue;
    const count = (counts.get(unit) ?? 0) + 1;
    counts.set(unit, count);
    if (count > cmd_per_lun)
      throw new BeyondLimits(
        `the device takes ${cmd_per_lun} commands to a unit at a time (cmd_per_lun), and not ${count}`,
      );
  }
}
