/** The form of one CDB table entry, and the codec that reads and writes CDBs by it. */

/**
 * Where a field lies: `[byte, last_byte, bit, bits]`. It takes `bits` contiguous bits, big-endian, from `byte`
 * (most significant) to `last_byte`; its least significant bit is bit `bit` of `last_byte`.
 */
export type BitField = readonly [byte: number, lastByte: number, bit: number, bits: number];

/** Direction of the command's data. */
export type DataDirection = 'none' | 'in' | 'out' | 'both';

/**
 * How the length of the data follows from the CDB. `explicit`: it does not (the parameter data say it themselves,
 * or the command is rare enough that a case names its buffers).
 */
export type DataLengthRule =
  | 'none'
  | 'allocation_length'
  | 'parameter_list_length'
  | 'byte_transfer_length'
  | 'blocks'
  | 'blocks_0_is_256'
  | 'twice_blocks'
  | 'one_block'
  | 'one_block_unless_ndob'
  | 'bytchk'
  | 'tape_transfer'
  | 'fixed_8'
  | 'explicit';

/** One SCSI command. */
export interface Command {
  /** The standard's name, e.g. `READ(10)`. */
  readonly name: string;
  readonly opcode: number;
  /** CDB length in bytes. */
  readonly length: number;
  readonly standard: 'SPC' | 'SBC' | 'MMC' | 'SSC' | 'ZBC';
  readonly direction: DataDirection;
  readonly dataLength: DataLengthRule;
  /** Present where the opcode is shared and a service action selects the command. */
  readonly serviceAction?: { readonly value: number; readonly at: BitField };
  /** The CDB is of variable length: byte 7 holds its length less 8. */
  readonly additionalLength?: boolean;
  readonly fields: Readonly<Record<string, BitField>>;
}

/** Checks nothing; gives table entries their type and keeps their literal names. */
export function command<const C extends Command>(entry: C): C {
  return entry;
}

/** Bytes that make up a number without a sign in 32-bit arithmetic. */
const SMALL_BYTES = 3;

function readBits(bytes: Uint8Array, [byte, lastByte, bit, bits]: BitField): bigint {
  // Most fields fit a plain number, which costs a fraction.
  if (lastByte - byte < SMALL_BYTES) {
    let small = 0;
    for (let at = byte; at <= lastByte; at++) small = (small << 8) | (bytes[at] ?? 0);
    return BigInt((small >>> bit) & (2 ** bits - 1));
  }
  let value = 0n;
  for (let at = byte; at <= lastByte; at++) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return (value >> BigInt(bit)) & ((1n << BigInt(bits)) - 1n);
}

function writeBits(bytes: Uint8Array, [byte, lastByte, bit, bits]: BitField, value: bigint): void {
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(bit);
  let rest = value << BigInt(bit);
  let keep = ~mask;
  for (let at = lastByte; at >= byte; at--) {
    bytes[at] = Number((BigInt(bytes[at] ?? 0) & keep & 0xffn) | (rest & ~keep & 0xffn));
    rest >>= 8n;
    keep >>= 8n;
  }
}

/** Largest value that a field can hold. */
export function fieldLimit([, , , bits]: BitField): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/**
 * Encodes a CDB of `command.length` bytes; fields left out are zero.
 * Throws RangeError for an unknown field or a value that does not fit, naming both.
 */
export function encodeCdb(command: Command, values: Readonly<Record<string, bigint>> = {}): Uint8Array {
  const cdb = new Uint8Array(command.length);
  cdb[0] = command.opcode;
  if (command.serviceAction) writeBits(cdb, command.serviceAction.at, BigInt(command.serviceAction.value));
  if (command.additionalLength) cdb[7] = command.length - 8;
  for (const [name, value] of Object.entries(values)) {
    const field = command.fields[name];
    if (field === undefined)
      throw new RangeError(
        `${command.name} has no field ${name}; it has ${Object.keys(command.fields).join(', ')}`,
      );
    if (value < 0n || value > fieldLimit(field))
      throw new RangeError(`${command.name}: ${name} ${value} is not 0..${fieldLimit(field)}`);
    writeBits(cdb, field, value);
  }
  return cdb;
}

/** Reads every field of a CDB. */
export function decodeCdb(command: Command, cdb: Uint8Array): Record<string, bigint> {
  const out: Record<string, bigint> = {};
  for (const name of Object.keys(command.fields)) {
    const field = command.fields[name];
    if (field) out[name] = readBits(cdb, field);
  }
  return out;
}

/** Length in bytes of the data by the CDB's own fields, or undefined where the rule is `explicit`. */
export function dataLength(
  command: Command,
  fields: Readonly<Record<string, bigint>>,
  blockSize: number,
): bigint | undefined {
  const block = BigInt(blockSize);
  const blocks = fields.blocks ?? 0n;
  switch (command.dataLength) {
    case 'none':
      return 0n;
    case 'allocation_length':
      return fields.allocation_length ?? 0n;
    case 'parameter_list_length':
      return fields.parameter_list_length ?? 0n;
    case 'byte_transfer_length':
      return fields.byte_transfer_length ?? 0n;
    case 'blocks':
      return blocks * block;
    case 'blocks_0_is_256':
      return (blocks === 0n ? 256n : blocks) * block;
    case 'twice_blocks':
      return 2n * blocks * block;
    case 'one_block':
      return block;
    case 'one_block_unless_ndob':
      return fields.ndob === 1n ? 0n : block;
    case 'bytchk':
      return fields.bytchk === 1n ? blocks * block : fields.bytchk === 3n ? block : 0n;
    case 'tape_transfer':
      return fields.fixed === 1n ? blocks * block : blocks;
    case 'fixed_8':
      return 8n;
    case 'explicit':
      return undefined;
  }
}
