/** Asking a device, once per start, what its units are. Cases are expanded over these facts. */
import type { DutProfile, UnitProfile } from '../duts/dut.js';
import type { Driver } from '../harness/driver.js';
import { type ScsiAnswer, scsiAnswer } from '../harness/request.js';
import { encodeLun } from '../wire/lun.js';
import { type Command, encodeCdb } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { DeviceType } from '../wire/scsi/inquiry.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';

/** A unit as it described itself. */
export interface ProbedUnit {
  readonly profile: UnitProfile;
  /** PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE, as in byte 0 of INQUIRY data. */
  readonly pqPdt: number;
  readonly deviceType: number;
  /** 0 for units without a capacity. */
  readonly blocks: number;
  readonly blockSize: number;
  /** Unit serial number (VPD page 80h), trimmed; undefined where the page is not there. */
  readonly serial: string | undefined;
  /** Lent by the profile, and the unit has proved by its serial number that it is the one meant. */
  readonly scratch: boolean;
}

/** The device does not answer even what probing asks. */
export class ProbeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProbeError';
  }
}

const ANSWER_LIMIT_MS = 2000;
/** Unit attentions that a unit may have queued: power on, reset, changed parameters, and some more. */
const MAX_UNIT_ATTENTIONS = 8;

function known(name: string): Command {
  const command = commandByName(name);
  if (command === undefined) throw new ProbeError(`no command ${name} in the table`);
  return command;
}

function ask(
  driver: Driver,
  { target, unit }: UnitProfile,
  name: string,
  fields: Record<string, bigint>,
  dataInSize: number,
): ScsiAnswer {
  const exchange = driver.stage({
    lun: encodeLun(target, unit),
    id: driver.nextId(),
    cdb: encodeCdb(known(name), fields),
    dataInSize,
  });
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

/** Reports a unit's pending unit attentions until none is left. Throws ProbeError when they do not end. */
export function clearUnitAttentions(driver: Driver, unit: UnitProfile): void {
  for (let i = 0; i < MAX_UNIT_ATTENTIONS; i++) if (good(ask(driver, unit, 'TEST UNIT READY', {}, 0))) return;
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
  clearUnitAttentions(driver, profile);
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
  const serial = readSerial(driver, profile);
  const scratch = profile.scratchSerial !== undefined && serial === profile.scratchSerial;
  return { profile, pqPdt, deviceType, blocks, blockSize, serial, scratch };
}

function readSerial(driver: Driver, profile: UnitProfile): string | undefined {
  const page = ask(driver, profile, 'INQUIRY', { evpd: 1n, page: 0x80n, allocation_length: 255n }, 255);
  if (!good(page) || page.dataIn[1] !== 0x80) return undefined;
  const length = page.dataIn[3] ?? 0;
  return Buffer.from(page.dataIn.subarray(4, Math.min(4 + length, 255)))
    .toString('latin1')
    .trim();
}

/** Describes every unit of the profile. The device must be live. */
export function probeUnits(driver: Driver, profile: DutProfile): ProbedUnit[] {
  return profile.units.map((unit) => probeUnit(driver, unit));
}
