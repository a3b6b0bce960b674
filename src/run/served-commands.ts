/** Which commands a unit serves: asked where it can tell, tried where trying is harmless. */
import type { Driver } from '../harness/driver.js';
import { type Command, encodeCdb, fieldLimit } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { formatSense, parseSense } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import { ask, askByCdb, type ProbedUnit } from './probe.js';

/**
 * Commands that do nothing when all fields of the CDB are zero: no blocks, no allocation, no parameter list. WRITE(6)
 * and WRITE SAME are not among them, for which zero means many.
 */
const HARMLESS =
  /^(READ\((10|12|16|32)\)|WRITE\((10|12|16|32)\)|WRITE AND VERIFY|VERIFY|MODE SENSE|MODE SELECT|LOG SENSE|REQUEST SENSE|REPORT |READ CAPACITY|PRE-FETCH|PERSISTENT RESERVE IN|COMPARE AND WRITE|UNMAP|SYNCHRONIZE CACHE|READ BUFFER|SEND DIAGNOSTIC|RECEIVE DIAGNOSTIC|SET TIMESTAMP|PREVENT ALLOW|RELEASE\(|GET LBA STATUS|READ DEFECT DATA|ORWRITE\(16|WRITE ATOMIC\(16|START STOP UNIT$)/;

/**
 * Of these, commands with a service action to which nothing else is wrong: a field that is refused is the service action
 * then. Some units refuse allocation lengths below the least that there is, so that there is room for a little.
 */
const SERVICE_ACTION_TOLD =
  /^(GET LBA STATUS|READ CAPACITY\(16|PERSISTENT RESERVE IN|REPORT (SUPPORTED|TIMESTAMP|TARGET PORT GROUPS)|SET TIMESTAMP|.*\(32\))/;
const ROOM = 64;

/** What must not be zero for a command to be harmless: a mode of WRITE BUFFER that keeps to the buffer, and no bytes. */
const FIELDS: Readonly<Record<string, Record<string, bigint>>> = {
  'START STOP UNIT': { start: 1n },
  'WRITE BUFFER': { mode: 2n },
};

/**
 * Fields of a FORMAT UNIT that formats nothing: a parameter list is announced and not there, and FMTPINFO is 01b, which
 * no unit may accept, with or without protection information.
 */
const NO_FORMAT: Readonly<Record<string, bigint>> = { fmtpinfo: 1n, fmtdata: 1n };

/** Commands that come in pairs, of which the second can be tried. */
const TOGETHER: Readonly<Record<string, string>> = {
  'WRITE(6)': 'READ(6)',
  'RESERVE(6)': 'RELEASE(6)',
};

/** Values of SUPPORT in the answer of REPORT SUPPORTED OPERATION CODES. */
const Support = { NOT_AVAILABLE: 0, NOT_SUPPORTED: 1, MASK: 7 } as const;
const INVALID_OPCODE = '5/20/00';
const INVALID_FIELD = '5/24/00';
/** One-command forms of REPORTING OPTIONS: without and with a service action. */
const OPERATION_CODE = 1n;
const SERVICE_ACTION = 2n;

function told(driver: Driver, { profile }: ProbedUnit, command: Command): boolean | undefined {
  const { serviceAction } = command;
  const { response, dataIn } = ask(
    driver,
    profile,
    'REPORT SUPPORTED OPERATION CODES',
    {
      reporting_options: serviceAction ? SERVICE_ACTION : OPERATION_CODE,
      requested_operation_code: BigInt(command.opcode),
      requested_service_action: BigInt(serviceAction?.value ?? 0),
      allocation_length: 64n,
    },
    64,
  );
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return undefined;
  const support = (dataIn[1] ?? 0) & Support.MASK;
  return support === Support.NOT_AVAILABLE ? undefined : support !== Support.NOT_SUPPORTED;
}

/** Bytes of data-in that are asked for. */
function roomFor({ name, fields }: Command): number {
  return SERVICE_ACTION_TOLD.test(name) && fields.allocation_length !== undefined ? ROOM : 0;
}

/**
 * A CDB from which one learns whether the unit knows the operation code, and by which nothing happens: empty, with an
 * address behind the last block, with a service action that is reserved, or without the parameter list that it names.
 * Undefined where there is none. A unit that got such a check wrong would lose data, so only one that is lent is asked.
 */
function harmlessCdb({ blocks, scratch }: ProbedUnit, command: Command): Uint8Array | undefined {
  const { name, fields, serviceAction } = command;
  if (HARMLESS.test(name)) {
    const room = roomFor(command);
    return encodeCdb(command, { ...(room > 0 && { allocation_length: BigInt(room) }), ...FIELDS[name] });
  }
  if (!scratch) return undefined;
  if (name === 'WRITE BUFFER') return encodeCdb(command, FIELDS[name]);
  if (name.startsWith('WRITE SAME') && fields.lba) {
    const behind = BigInt(blocks);
    return behind <= fieldLimit(fields.lba) ? encodeCdb(command, { lba: behind, blocks: 1n }) : undefined;
  }
  if (name.startsWith('SANITIZE') && serviceAction) {
    const cdb = encodeCdb(command);
    cdb[serviceAction.at[1]] = 0;
    return cdb;
  }
  if (name === 'FORMAT UNIT') return encodeCdb(command, NO_FORMAT);
  return undefined;
}

/** Whether the unit knows the command, whatever else it finds wrong with such a CDB. */
function tried(driver: Driver, { profile }: ProbedUnit, command: Command, cdb: Uint8Array): boolean {
  const { name } = command;
  const { response, sense } = askByCdb(driver, profile, name, cdb, roomFor(command));
  if (response.status !== ScsiStatus['CHECK CONDITION']) return true;
  const parsed = parseSense(sense.subarray(0, response.sense_len));
  if (!parsed.ok) return true;
  const refusal = formatSense(parsed);
  return refusal !== INVALID_OPCODE && !(refusal === INVALID_FIELD && SERVICE_ACTION_TOLD.test(name));
}

/** A memory of what each unit serves, filled as cases ask. The device must be live when they do. */
export function servedCommands(driver: Driver): (unit: ProbedUnit, name: string) => boolean {
  const known = new Map<string, boolean>();
  const find = (unit: ProbedUnit, name: string): boolean => {
    const command = commandByName(name);
    if (command === undefined) return true;
    const answer = told(driver, unit, command);
    if (answer !== undefined) return answer;
    const other = TOGETHER[name];
    if (other !== undefined) return find(unit, other);
    const cdb = harmlessCdb(unit, command);
    return cdb === undefined || tried(driver, unit, command, cdb);
  };
  return (unit, name) => {
    const { target, unit: number } = unit.profile;
    const key = `${target}.${number} ${name}`;
    let answer = known.get(key);
    if (answer === undefined) {
      answer = find(unit, name);
      known.set(key, answer);
    }
    return answer;
  };
}
