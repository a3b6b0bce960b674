/** The commands that a unit serves: one entry per command of `wire/scsi/commands`. */
import { type BitField, type Command, decodeCdb } from '../../wire/scsi/command.js';
import { commandByName } from '../../wire/scsi/commands.js';
import { ModelConfigError } from '../errors.js';
import type { Task } from '../scsi/task.js';
import type { Destination } from '../scsi/topology.js';
import type { CommandResult } from './command-result.js';
import type { LogicalUnit } from './logical-unit.js';
import { CheckCondition, Sense } from './sense.js';

/** One command on its way through a unit. */
export interface CommandCall {
  readonly command: Command;
  readonly cdb: Uint8Array;
  /** Every field of the CDB by name. */
  readonly fields: Readonly<Record<string, bigint>>;
  readonly unit: LogicalUnit;
  readonly destination: Destination;
  readonly task: Task;
}

/** A command with its handler. */
export interface CommandEntry {
  /** Name as in the command table, e.g. `READ(10)`. */
  readonly name: string;
  /**
   * Fields that the unit looks at, or ignores on purpose. Every other bit of the CDB, reserved bits and CONTROL
   * included, must be zero.
   */
  readonly accepts: readonly string[];
  /** The command is refused while the unit is not ready. */
  readonly needsMedium?: boolean;
  /** Runs the command; throws `CheckCondition`. */
  run(call: CommandCall): CommandResult;
}

/** An entry with its command and the bits that may be set in the CDB. */
export interface TableRow {
  readonly entry: CommandEntry;
  readonly command: Command;
  readonly usage: Uint8Array;
}

/** Where a CDB of variable length says how long it is. */
const ADDITIONAL_LENGTH = 7;

/** Sets the bits of a field in a usage map. */
function mark(usage: Uint8Array, [byte, lastByte, bit, bits]: BitField): void {
  let mask = ((1n << BigInt(bits)) - 1n) << BigInt(bit);
  for (let at = lastByte; at >= byte; at--) {
    usage[at] = (usage[at] ?? 0) | Number(mask & 0xffn);
    mask >>= 8n;
  }
}

function row(entry: CommandEntry): TableRow {
  const command = commandByName(entry.name);
  if (command === undefined) throw new ModelConfigError(`no command is called ${entry.name}`);
  const usage = new Uint8Array(command.length);
  usage[0] = 0xff;
  if (command.serviceAction) mark(usage, command.serviceAction.at);
  if (command.additionalLength) usage[ADDITIONAL_LENGTH] = 0xff;
  for (const name of entry.accepts) {
    const field = command.fields[name];
    if (field === undefined) throw new ModelConfigError(`${entry.name} has no field ${name}`);
    mark(usage, field);
  }
  return { entry, command, usage };
}

function serviceActionOf(cdb: Uint8Array, [byte, lastByte, bit, bits]: BitField): number {
  let value = 0;
  for (let at = byte; at <= lastByte; at++) value = value * 256 + (cdb[at] ?? 0);
  return (value >> bit) & ((1 << bits) - 1);
}

export class CommandTable {
  readonly rows: readonly TableRow[];
  readonly #byOpcode = new Map<number, TableRow[]>();

  /** Throws `ModelConfigError` for a name or a field that the command tables do not have. */
  constructor(entries: readonly CommandEntry[]) {
    this.rows = entries.map(row);
    for (const each of this.rows) {
      const same = this.#byOpcode.get(each.command.opcode);
      if (same) same.push(each);
      else this.#byOpcode.set(each.command.opcode, [each]);
    }
  }

  /** The rows of an opcode: several where a service action selects. */
  withOpcode(opcode: number): readonly TableRow[] {
    return this.#byOpcode.get(opcode) ?? [];
  }

  /** The row of a CDB, or the error that it deserves. */
  find(cdb: Uint8Array): TableRow | CheckCondition {
    const rows = this.withOpcode(cdb[0] ?? 0);
    // A CDB that does not fit into cdb_size cannot be asked for.
    if (rows.every(({ command }) => command.length > cdb.length))
      return new CheckCondition(Sense.INVALID_OPCODE);
    const found = rows.find(
      ({ command: { serviceAction: action } }) =>
        action === undefined || serviceActionOf(cdb, action.at) === action.value,
    );
    const at = rows[0]?.command.serviceAction?.at;
    return found ?? invalidField(at?.[1] ?? 1, at ? at[2] + at[3] - 1 : undefined);
  }
}

/** INVALID FIELD IN CDB with a pointer to the field. */
export function invalidField(byte: number, bit?: number): CheckCondition {
  const pointer = { inCdb: true, byte, ...(bit !== undefined && bit < 8 && { bit }) };
  return new CheckCondition({ ...Sense.INVALID_FIELD_IN_CDB, pointer });
}

/** INVALID FIELD IN CDB for a field by its name. */
export function invalidNamed(command: Command, name: string): CheckCondition {
  const field = command.fields[name];
  return field ? invalidField(field[0], (field[2] + field[3] - 1) % 8) : invalidField(0);
}

/** The fields of a CDB; throws `CheckCondition` when a bit is set that must be zero. */
export function checkedFields({ command, usage }: TableRow, cdb: Uint8Array): Record<string, bigint> {
  for (let byte = 1; byte < command.length; byte++) {
    const wrong = (cdb[byte] ?? 0) & ~(usage[byte] ?? 0) & 0xff;
    if (wrong !== 0) throw invalidField(byte, 31 - Math.clz32(wrong));
  }
  if (command.additionalLength && cdb[ADDITIONAL_LENGTH] !== command.length - 8)
    throw invalidField(ADDITIONAL_LENGTH);
  return decodeCdb(command, cdb);
}

/** Data cut to the allocation length of the CDB. */
export function allocated(call: CommandCall, data: Uint8Array): Uint8Array {
  const length = call.fields.allocation_length ?? 0n;
  return length < BigInt(data.length) ? data.subarray(0, Number(length)) : data;
}
