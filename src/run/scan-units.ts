/** Units that nobody has declared, found as a driver finds them: REPORT LUNS to each target, INQUIRY to each unit. */
import type { DutProfile, UnitProfile } from '../duts/dut.js';
import type { Driver } from '../harness/driver.js';
import { MAX_TARGET } from '../wire/lun.js';
import { DeviceType } from '../wire/scsi/inquiry.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import { ask, ProbeError, readSerial } from './probe.js';

/** What scanning finds out. */
type Found = Pick<DutProfile, 'units' | 'freeTarget' | 'freeUnit'>;

const LIST_HEADER = 8;
const LIST_ENTRY = 8;
const INQUIRY_BYTES = 36;
/** More units of a target than any case needs. */
const MOST_UNITS = 64;
/** A unit whose serial number begins so says itself that it is there to be written to. */
const SCRATCH = 'VSCSI-SCRATCH-';
const KINDS: ReadonlyMap<number, UnitProfile['kind']> = new Map([
  [DeviceType.DISK, 'disk'],
  [DeviceType.TAPE, 'tape'],
  [DeviceType.CDROM, 'cdrom'],
]);

/**
 * Unit numbers of a target, at most so many, by REPORT LUNS to its unit 0, which a unit attention does not hinder;
 * undefined for a target that is not there.
 */
export function listedUnits(driver: Driver, target: number, most: number): number[] | undefined {
  const size = LIST_HEADER + LIST_ENTRY * most;
  const at: UnitProfile = { target, unit: 0, kind: 'disk' };
  const { dataIn, response } = ask(driver, at, 'REPORT LUNS', { allocation_length: BigInt(size) }, size);
  if (response.response === Response.BAD_TARGET) return undefined;
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return [];
  const list = new DataView(dataIn.buffer, dataIn.byteOffset, dataIn.byteLength);
  const count = Math.min(Math.floor(list.getUint32(0) / LIST_ENTRY), most);
  // Single-level LUNs: the unit number is in the first two bytes, in flat form below the form's own bits.
  return Array.from({ length: count }, (_, i) => list.getUint16(LIST_HEADER + LIST_ENTRY * i) & 0x3fff);
}

/**
 * The profile with the units that are there, and with addresses that are free where it names none. The device must be
 * live. Throws ProbeError when nothing answers.
 */
export function scanned(
  { units: _, scan: __, ...declared }: DutProfile,
  driver: Driver,
  maxTarget: number,
): DutProfile {
  return { ...scanUnits(driver, Math.min(maxTarget, MAX_TARGET)), ...declared };
}

function scanUnits(driver: Driver, maxTarget: number): Found {
  const units: UnitProfile[] = [];
  let freeTarget: number | undefined;
  let freeUnit: Found['freeUnit'];
  for (let target = 0; target <= maxTarget; target++) {
    const numbers = listedUnits(driver, target, MOST_UNITS);
    driver.recycle();
    if (numbers === undefined) freeTarget ??= target;
    else if (numbers.length > 0 && numbers.length < MOST_UNITS)
      freeUnit ??= { target, unit: firstBeside(numbers) };
    for (const unit of (numbers ?? []).sort((a, b) => a - b)) {
      const found = described(driver, target, unit);
      if (found) units.push(found);
    }
  }
  if (units.length === 0)
    throw new ProbeError(
      `no disk, tape or CD-ROM drive answers on targets 0 to ${maxTarget}; a profile can name the units`,
    );
  return {
    units,
    ...(freeTarget !== undefined && { freeTarget }),
    ...(freeUnit && { freeUnit }),
  };
}

/** A unit as a profile would name it; undefined where there is none of a kind that cases use. */
function described(driver: Driver, target: number, unit: number): UnitProfile | undefined {
  const at = { target, unit, kind: 'disk' } as const;
  const fields = { allocation_length: BigInt(INQUIRY_BYTES) };
  const { dataIn, response } = ask(driver, at, 'INQUIRY', fields, INQUIRY_BYTES);
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return undefined;
  const kind = KINDS.get(dataIn[0] ?? 0xff);
  if (kind === undefined) return undefined;
  const serial = readSerial(driver, at);
  driver.recycle();
  return { target, unit, kind, ...(serial?.startsWith(SCRATCH) && { scratchSerial: serial }) };
}

function firstBeside(numbers: readonly number[]): number {
  let free = 0;
  while (numbers.includes(free)) free++;
  return free;
}
