/** Commands that a unit need not serve, and says that it does not. */

import type { UnitProfile } from '../duts/dut.js';
import type { Driver } from '../harness/driver.js';
import type { ScsiAnswer } from '../harness/request.js';
import { commandOfCdb } from '../wire/scsi/commands.js';
import { formatSense, parseSense } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import { ask } from './probe.js';

const INVALID_OPCODE = '5/20/00';
/** What a unit serves whatever else it does; the rest is optional, or was so in some edition of its standard. */
const NEEDED = new Set([
  'INQUIRY',
  'REQUEST SENSE',
  'TEST UNIT READY',
  'REPORT LUNS',
  'READ CAPACITY(10)',
  'READ(10)',
  'WRITE(10)',
]);

const LIST_BYTES = 8192;
const LIST_HEADER_BYTES = 4;
const DESCRIPTOR_BYTES = 8;

const keyOf = (opcode: number, serviceAction: number): string => `${opcode}.${serviceAction}`;

/** The commands that a unit lists, by operation code and service action; undefined where it lists none. */
export function listedCommands(driver: Driver, unit: UnitProfile): ReadonlySet<string> | undefined {
  const { response, dataIn } = ask(
    driver,
    unit,
    'REPORT SUPPORTED OPERATION CODES',
    { allocation_length: BigInt(LIST_BYTES) },
    LIST_BYTES,
  );
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return undefined;
  const view = new DataView(dataIn.buffer, dataIn.byteOffset, dataIn.byteLength);
  const end = Math.min(LIST_BYTES, LIST_HEADER_BYTES + view.getUint32(0));
  const listed = new Set<string>();
  for (let at = LIST_HEADER_BYTES; at + DESCRIPTOR_BYTES <= end; at += DESCRIPTOR_BYTES)
    listed.add(keyOf(view.getUint8(at), view.getUint16(at + 2)));
  return listed;
}

/**
 * The name of a command that was refused as unknown, where the unit is free not to know it: SPC leaves most commands
 * to the unit, and asks only that it carries out what it lists.
 */
export function optionalAndUnknown(
  cdb: Uint8Array,
  { response, sense }: ScsiAnswer,
  listed: ReadonlySet<string> | undefined,
): string | undefined {
  if (response.response !== Response.OK || response.status !== ScsiStatus['CHECK CONDITION'])
    return undefined;
  const parsed = parseSense(sense.subarray(0, response.sense_len));
  if (!parsed.ok || formatSense(parsed) !== INVALID_OPCODE) return undefined;
  const command = commandOfCdb(cdb);
  if (command === undefined || NEEDED.has(command.name)) return undefined;
  return listed?.has(keyOf(command.opcode, command.serviceAction?.value ?? 0)) ? undefined : command.name;
}
