/** Asking a device, once per start, what its units are. Cases are expanded over these facts. */
import type { DutProfile, UnitProfile } from '../duts/dut.js';
import type { Driver } from '../harness/driver.js';
import { type ScsiAnswer, scsiAnswer } from '../harness/request.js';
import { waitUntil } from '../harness/wait.js';
import { encodeLun } from '../wire/lun.js';
import { type Command, encodeCdb } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { DeviceType, standardInquiry } from '../wire/scsi/inquiry.js';
import { parseSense, SenseKey } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { atomicLimits, blockLimits, provisioning, VpdPage, vpdHeader } from '../wire/scsi/vpd.js';
import { Response } from '../wire/virtio-scsi.js';

import { listedCommands } from './unserved.js';

/** A unit as it described itself. */
export interface ProbedUnit {
  readonly profile: UnitProfile;
  /** PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE, as in byte 0 of INQUIRY data. */
  readonly pqPdt: number;
  readonly deviceType: number;
  /** VERSION of INQUIRY data: 5 for SPC-3, 6 for SPC-4, 7 for SPC-5; 0 claims nothing. */
  readonly version: number;
  /** 0 for units without a capacity. */
  readonly blocks: number;
  readonly blockSize: number;
  /** Unit serial number (VPD page 80h), trimmed; undefined where the page is not there. */
  readonly serial: string | undefined;
  /** Lent by the profile, and the unit has proved by its serial number that it is the one meant. */
  readonly scratch: boolean;
  /** The commands that it lists; undefined where it lists none. */
  readonly listed: ReadonlySet<string> | undefined;
  /** Codes of the VPD pages that it lists. */
  readonly vpdPages: readonly number[];
  /** What its VPD pages say, by the names of facts in case files; a page that is not there says nothing. */
  readonly limits: Readonly<Record<string, bigint>>;
}

/** The device does not answer even what probing asks. */
export class ProbeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProbeError';
  }
}

const ANSWER_LIMIT_MS = 2000;
/** As much of a VPD page as probing reads. */
const VPD_BYTES = 255;
/** PROTECT of standard INQUIRY data; P_TYPE bits 3-1 and PROT_EN bit 0 of READ CAPACITY(16) data. */
const PROTECT = 0x01;
/** RMB of standard INQUIRY data. */
const RMB = 0x80;
const UGAVALID = 0x8000_0000;
/** The last bit of LBPRZ. */
const LBPRZ_ZEROS = 0x04;
const LONG_CAPACITY_BYTES = 32;
const P_TYPE_BYTE = 12;
const PROT_EN = 0x01;
/** With P_I_EXPONENT in bits 7-4. */
const EXPONENTS_BYTE = 13;
/** Mode parameter header(6), with WP in its third byte. */
const MODE_HEADER_BYTES = 4;
const WP = 0x80;
/** ASC of a drive without a medium, which is as ready as it can be, and of a unit that becomes ready. */
const MEDIUM_NOT_PRESENT = 0x3a;
const NOT_READY = 0x04;
/** A tray or a spindle has so long; the unit is asked now and then. */
const READY_LIMIT_MS = 60_000;
const READY_PAUSE_MS = 20;
/** Unit attentions that a unit may have queued: power on, changed parameters, and resets of cases that left it alone. */
const MAX_UNIT_ATTENTIONS = 64;

function known(name: string): Command {
  const command = commandByName(name);
  if (command === undefined) throw new ProbeError(`no command ${name} in the table`);
  return command;
}

/** Sends a command and waits for its answer, whatever it is. Throws ProbeError when there is none. */
export function ask(
  driver: Driver,
  { target, unit }: UnitProfile,
  name: string,
  fields: Record<string, bigint>,
  dataInSize: number,
): ScsiAnswer {
  return askByCdb(driver, { target, unit }, name, encodeCdb(known(name), fields), dataInSize);
}

/** As `ask`, with a CDB that no command of this name has: `name` is for the message. */
export function askByCdb(
  driver: Driver,
  { target, unit }: Pick<UnitProfile, 'target' | 'unit'>,
  name: string,
  cdb: Uint8Array,
  dataInSize: number,
): ScsiAnswer {
  const exchange = driver.stage({ lun: encodeLun(target, unit), id: driver.nextId(), cdb, dataInSize });
  driver.publish([exchange]);
  if (!driver.wait([exchange], ANSWER_LIMIT_MS) || exchange.answer === undefined)
    throw new ProbeError(
      `target ${target} unit ${unit} does not answer ${name} within ${ANSWER_LIMIT_MS} ms`,
    );
  return scsiAnswer(exchange.answer, driver.state.sizes);
}

function good({ response: { response, status } }: ScsiAnswer): boolean {
  return response === Response.OK && status === ScsiStatus.GOOD;
}

/** What a unit says of itself by the answer to TEST UNIT READY. */
function stateOf({ response, sense }: ScsiAnswer): 'ready' | 'empty' | 'becoming ready' | 'other' {
  const { response: code, status, sense_len } = response;
  if (code === Response.BUSY) return 'becoming ready';
  if (code !== Response.OK) return 'other';
  if (status === ScsiStatus.GOOD) return 'ready';
  if (status === ScsiStatus.BUSY || status === ScsiStatus['TASK SET FULL']) return 'becoming ready';
  const parsed = parseSense(sense.subarray(0, sense_len));
  if (!parsed.ok || parsed.key !== SenseKey['NOT READY']) return 'other';
  if (parsed.asc === MEDIUM_NOT_PRESENT) return 'empty';
  return parsed.asc === NOT_READY ? 'becoming ready' : 'other';
}

/**
 * Lets a unit report its pending unit attentions until none is left, and get ready if it asks for time; returns whether
 * it has a medium. One unit and one command at a time: the interrupt for the second of two answers that are seen together
 * could come after the case has begun. Throws ProbeError when they do not end.
 */
export function clearUnitAttentions(driver: Driver, unit: UnitProfile): boolean {
  const { port } = driver;
  const until = port.clock.now() + READY_LIMIT_MS;
  for (let left = MAX_UNIT_ATTENTIONS; left > 0; ) {
    const state = stateOf(ask(driver, unit, 'TEST UNIT READY', {}, 0));
    if (state === 'ready' || state === 'empty') return state === 'ready';
    if (state === 'becoming ready' && port.clock.now() < until) waitUntil(port, READY_PAUSE_MS, () => false);
    else left--;
  }
  throw new ProbeError(
    `target ${unit.target} unit ${unit.unit} is not ready after ${MAX_UNIT_ATTENTIONS} times TEST UNIT READY`,
  );
}

function probeUnit(driver: Driver, profile: UnitProfile): ProbedUnit {
  const inquiry = ask(driver, profile, 'INQUIRY', { allocation_length: 36n }, 36);
  if (!good(inquiry))
    throw new ProbeError(
      `target ${profile.target} unit ${profile.unit}: INQUIRY ends with response ${inquiry.response.response}, status ${inquiry.response.status}`,
    );
  const pqPdt = inquiry.dataIn[0] ?? 0;
  const deviceType = pqPdt & 0x1f;
  const version = inquiry.dataIn[2] ?? 0;
  const medium = clearUnitAttentions(driver, profile);
  let blocks = 0;
  let blockSize = 0;
  if (deviceType === DeviceType.DISK) {
    const capacity = ask(driver, profile, 'READ CAPACITY(10)', {}, 8);
    if (good(capacity)) {
      const view = new DataView(capacity.dataIn.buffer, capacity.dataIn.byteOffset, 8);
      blocks = view.getUint32(0) + 1;
      blockSize = view.getUint32(4);
    }
  }
  const vpdPages = readVpdPages(driver, profile);
  const serial = readSerial(driver, profile);
  const scratch = profile.scratchSerial !== undefined && serial === profile.scratchSerial;
  const limits = {
    medium: medium ? 1n : 0n,
    removable: ((inquiry.dataIn[standardInquiry.fields.removable.offset] ?? 0) & RMB) === 0 ? 0n : 1n,
    ...(deviceType === DeviceType.DISK && readWriteProtection(driver, profile)),
    ...readLimits(driver, profile, vpdPages),
    ...readProtection(driver, profile, inquiry.dataIn),
  };
  const listed = listedCommands(driver, profile);
  return {
    profile,
    pqPdt,
    deviceType,
    version,
    blocks,
    blockSize,
    serial,
    scratch,
    listed,
    vpdPages,
    limits,
  };
}

/** A VPD page as far as it reaches, or undefined where the unit does not answer with it. */
function vpdPage(driver: Driver, profile: UnitProfile, page: number): Uint8Array | undefined {
  const { dataIn, response } = ask(
    driver,
    profile,
    'INQUIRY',
    { evpd: 1n, page: BigInt(page), allocation_length: BigInt(VPD_BYTES) },
    VPD_BYTES,
  );
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return undefined;
  const header = vpdHeader.read(dataIn);
  return header.page_code === page
    ? dataIn.subarray(0, Math.min(VPD_BYTES, vpdHeader.size + header.page_length))
    : undefined;
}

/** The unit serial number (VPD page 80h), trimmed; undefined where the page is not there. */
export function readSerial(driver: Driver, profile: UnitProfile): string | undefined {
  const page = vpdPage(driver, profile, VpdPage.UNIT_SERIAL_NUMBER);
  // Some end it as C does.
  return page && Buffer.from(page.subarray(vpdHeader.size)).toString('latin1').replace(/\0+$/, '').trim();
}

function readVpdPages(driver: Driver, profile: UnitProfile): number[] {
  return [...(vpdPage(driver, profile, VpdPage.SUPPORTED)?.subarray(vpdHeader.size) ?? [])];
}

/** What a unit without these pages promises: no limit, as 0 stands for in the page itself, and no provisioning. */
const NOTHING_TOLD = {
  wsnz: 0n,
  max_compare: 0n,
  max_transfer: 0n,
  max_prefetch: 0n,
  max_unmap_lba: 0n,
  max_unmap_descriptors: 0n,
  unmap_granularity: 0n,
  unmap_alignment: 0n,
  max_write_same: 0n,
  max_atomic: 0n,
  atomic_alignment: 0n,
  atomic_granularity: 0n,
  atomic_boundaries: 0n,
  lbpu: 0n,
  lbpws: 0n,
  lbpws10: 0n,
  lbprz: 0n,
  anc_sup: 0n,
  thin: 0n,
};

/** Facts from the pages that the unit lists, as far as they reach: Block Limits was shorter in older versions of SBC. */
function readLimits(driver: Driver, profile: UnitProfile, pages: readonly number[]): Record<string, bigint> {
  const facts: Record<string, bigint> = { ...NOTHING_TOLD };
  const page = (code: number) => (pages.includes(code) ? vpdPage(driver, profile, code) : undefined);
  const limits = page(VpdPage.BLOCK_LIMITS);
  if (limits) {
    const padded = new Uint8Array(blockLimits.size);
    padded.set(limits.subarray(0, blockLimits.size));
    const { flags, max_compare_and_write, max_write_same, ...told } = blockLimits.read(padded);
    facts.wsnz = BigInt(flags & 1);
    facts.max_compare = BigInt(max_compare_and_write);
    facts.max_write_same = max_write_same;
    for (const name of [
      'max_transfer',
      'max_prefetch',
      'max_unmap_lba',
      'max_unmap_descriptors',
      'unmap_granularity',
    ] as const)
      facts[name] = BigInt(told[name]);
    // UGAVALID is the first bit of the field.
    facts.unmap_alignment = told.unmap_alignment >= UGAVALID ? BigInt(told.unmap_alignment - UGAVALID) : 0n;
  }
  if (limits && limits.length >= blockLimits.size + atomicLimits.size) {
    const { max_atomic, alignment, granularity, max_boundary } = atomicLimits.read(limits, blockLimits.size);
    facts.max_atomic = BigInt(max_atomic);
    facts.atomic_alignment = BigInt(alignment);
    facts.atomic_granularity = BigInt(granularity);
    facts.atomic_boundaries = max_boundary === 0 ? 0n : 1n;
  }
  const thin = page(VpdPage.LOGICAL_BLOCK_PROVISIONING);
  if (thin && thin.length >= provisioning.size) {
    const { flags, type } = provisioning.read(thin);
    facts.lbpu = BigInt((flags >> 7) & 1);
    facts.lbpws = BigInt((flags >> 6) & 1);
    facts.lbpws10 = BigInt((flags >> 5) & 1);
    // 001b, 011b, … all mean zeros.
    facts.lbprz = (flags & LBPRZ_ZEROS) === 0 ? BigInt((flags >> 2) & 7) : 1n;
    facts.anc_sup = BigInt((flags >> 1) & 1);
    facts.thin = (type & 7) === 2 ? 1n : 0n;
  }
  return facts;
}

/** `read_only`: whether the medium is write-protected, which the mode parameter header says. */
function readWriteProtection(driver: Driver, profile: UnitProfile): Record<string, bigint> {
  const fields = { dbd: 1n, page: 0x3fn, allocation_length: BigInt(MODE_HEADER_BYTES) };
  const answer = ask(driver, profile, 'MODE SENSE(6)', fields, MODE_HEADER_BYTES);
  return { read_only: good(answer) && ((answer.dataIn[2] ?? 0) & WP) !== 0 ? 1n : 0n };
}

/**
 * `protection_type`: 0 for none; `protection_exponent`: how often a block is halved to have protection information of
 * its own. Asked only of units that say that they have protection information.
 */
function readProtection(driver: Driver, profile: UnitProfile, inquiry: Uint8Array): Record<string, bigint> {
  if (((inquiry[standardInquiry.fields.flags5.offset] ?? 0) & PROTECT) === 0)
    return { protection_type: 0n, protection_exponent: 0n };
  const answer = ask(
    driver,
    profile,
    'READ CAPACITY(16)',
    { allocation_length: BigInt(LONG_CAPACITY_BYTES) },
    LONG_CAPACITY_BYTES,
  );
  const byte = good(answer) ? (answer.dataIn[P_TYPE_BYTE] ?? 0) : 0;
  if ((byte & PROT_EN) === 0) return { protection_type: 0n, protection_exponent: 0n };
  return {
    protection_type: BigInt((byte >> 1) & 7) + 1n,
    protection_exponent: BigInt((answer.dataIn[EXPONENTS_BYTE] ?? 0) >> 4),
  };
}

/** Describes every unit of the profile. The device must be live. */
export function probeUnits(driver: Driver, profile: DutProfile): ProbedUnit[] {
  return profile.units.map((unit) => probeUnit(driver, unit));
}
