/** From parsed steps to the exact bytes and sizes that are sent, once all values are known. Pure functions. */

import { NO_BYTES } from '../wire/fresh-bytes.js';
import { encodeLun } from '../wire/lun.js';
import { dataLength, encodeCdb } from '../wire/scsi/command.js';
import { compilePattern, encodePattern } from './byte-pattern.js';
import { blockSizeOf, type EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { type EncodingContext, evaluateInteger, evaluateNumber } from './evaluate.js';
import { stampBytes } from './generators.js';
import { LIMITS } from './limits.js';
import type {
  BytePattern,
  CdbSpec,
  CommandSpec,
  Cuts,
  DataIn,
  DataOut,
  Expression,
  LunSpec,
  ReadonlyScope,
  Size,
} from './types.js';

/** Context with which texts in expressions are read as byte patterns. */
export function encodingContext(context: EvalContext): EncodingContext {
  return {
    ...context,
    encodeText: (text, scope, inner) => encodePattern(compilePattern(text, { output: true }), scope, inner),
  };
}

/** The 8 bytes of a `lun` field. */
export function resolveLun(lun: LunSpec, scope: ReadonlyScope, context: EvalContext = {}): Uint8Array {
  switch (lun.kind) {
    case 'unit': {
      const [target, unit] = ['target', 'unit'].map((fact) => scope.get(`${lun.name}.${fact}`));
      if (typeof target !== 'bigint' || typeof unit !== 'bigint')
        throw new CaseError('NOT_AVAILABLE', `${lun.name} has no address`);
      return addressBytes(Number(target), Number(unit), 'flat');
    }
    case 'address':
      return addressBytes(
        evaluateNumber(lun.target, scope, context),
        evaluateNumber(lun.unit, scope, context),
        lun.form,
      );
    case 'sam': {
      const target = evaluateNumber(lun.target, scope, context, 255);
      const entry = evaluateInteger(lun.sam, scope, context);
      if (entry < 0n || entry >> 64n !== 0n)
        throw new CaseError('OUT_OF_RANGE', `${entry} is no 8-byte entry of REPORT LUNS`);
      // Only the first level of an entry fits: the two bytes that follow the target.
      return Uint8Array.of(
        1,
        target,
        Number((entry >> 56n) & 0xffn),
        Number((entry >> 48n) & 0xffn),
        0,
        0,
        0,
        0,
      );
    }
    case 'bytes': {
      const bytes = encodePattern(lun.pattern, scope, context);
      if (bytes.length !== 8) throw new CaseError('LENGTH', `a lun has 8 bytes, not ${bytes.length}`);
      return bytes;
    }
  }
}

function addressBytes(target: number, unit: number, form: 'flat' | 'peripheral'): Uint8Array {
  try {
    return encodeLun(target, unit, form);
  } catch (error) {
    throw new CaseError('OUT_OF_RANGE', (error as Error).message);
  }
}

/** The unit whose block size counts for an address; undefined where no role is addressed. */
export function unitOf(lun: LunSpec): string | undefined {
  if (lun.kind === 'unit') return lun.name;
  if (lun.kind === 'bytes') return undefined;
  const { node } = lun.target;
  return node.type === 'name' && node.name.endsWith('.target')
    ? node.name.slice(0, -'.target'.length)
    : undefined;
}

/** A request as it goes out. */
export interface ResolvedCommand {
  readonly lun: Uint8Array;
  readonly cdb: Uint8Array;
  /** Bytes of the data-in buffer. */
  readonly dataIn: number;
  readonly dataOut: Uint8Array;
  readonly piIn: number;
  readonly piOut: Uint8Array;
  /** Undefined: the harness chooses. */
  readonly tag?: bigint;
  readonly attr: number;
  readonly prio: number;
  readonly crn: number;
  /** Bytes that the CDB itself asks for; undefined where it does not say. The residual is told against it. */
  readonly cdbLength?: bigint;
}

/**
 * Everything that a command sends, with buffers of the CDB's length unless the case says otherwise. A WRITE without
 * data gets `stamp(1, lba)`.
 */
export function resolveCommand(
  spec: CommandSpec,
  scope: ReadonlyScope,
  context: EvalContext = {},
): ResolvedCommand {
  const inner = encodingContext(context);
  const unit = unitOf(spec.lun);
  const blockSize = () => blockSizeOf(unit, scope, context);
  const given = bytesOf(spec.dataOut, scope, inner);
  const { cdb, fields } = resolveCdb(spec.cdb, given, scope, inner);
  const usesBlocks = spec.cdb.kind === 'command' && !NO_BLOCKS.has(spec.cdb.command.dataLength);
  const cdbLength =
    spec.cdb.kind === 'command'
      ? dataLength(spec.cdb.command, fields, usesBlocks ? blockSize() : 0)
      : undefined;
  const direction = spec.cdb.kind === 'command' ? spec.cdb.direction : 'none';
  const own = (wanted: 'in' | 'out') =>
    direction === wanted || direction === 'both' ? (cdbLength ?? 0n) : 0n;
  const dataIn = sizeOf(spec.dataIn, own('in'), blockSize, scope, inner);
  let dataOut = given;
  if (dataOut === undefined) {
    const length = sizeOf(spec.dataOut, own('out'), blockSize, scope, inner);
    dataOut =
      length === 0 ? NO_BYTES : stampBytes(1n, fields.lba ?? 0n, usesBlocks ? blockSize() : 512, length);
  }
  const tag = spec.tag && evaluateInteger(spec.tag, scope, inner);
  if (tag !== undefined && (tag < 0n || tag >> 64n !== 0n))
    throw new CaseError('OUT_OF_RANGE', `the tag ${tag} has more than 64 bits`);
  return {
    lun: resolveLun(spec.lun, scope, inner),
    cdb,
    dataIn,
    dataOut,
    piIn: spec.piIn ? resolveSize(spec.piIn, blockSize, scope, inner) : 0,
    piOut: spec.piOut ? encodePattern(spec.piOut, scope, inner) : NO_BYTES,
    ...(tag === undefined ? {} : { tag }),
    attr: evaluateNumber(spec.attr, scope, inner, 255),
    prio: evaluateNumber(spec.prio, scope, inner, 255),
    crn: evaluateNumber(spec.crn, scope, inner, 255),
    ...(cdbLength === undefined ? {} : { cdbLength }),
  };
}

/** Length rules that do without a block size. */
const NO_BLOCKS: ReadonlySet<string> = new Set([
  'none',
  'allocation_length',
  'parameter_list_length',
  'byte_transfer_length',
  'fixed_8',
  'explicit',
]);

/** Bytes of a CDB. Parameter list lengths follow from the data, where the case does not give them. */
function resolveCdb(
  spec: CdbSpec,
  dataOut: Uint8Array | undefined,
  scope: ReadonlyScope,
  context: EncodingContext,
): { readonly cdb: Uint8Array; readonly fields: Readonly<Record<string, bigint>> } {
  if (spec.kind === 'bytes') return { cdb: encodePattern(spec.pattern, scope, context), fields: {} };
  const fields: Record<string, bigint> = {};
  for (const [name, expression] of spec.fields) fields[name] = evaluateInteger(expression, scope, context);
  const { command } = spec;
  if (
    command.dataLength === 'parameter_list_length' &&
    fields.parameter_list_length === undefined &&
    dataOut !== undefined
  )
    fields.parameter_list_length = BigInt(dataOut.length);
  try {
    return { cdb: encodeCdb(command, fields), fields };
  } catch (error) {
    throw new CaseError('OUT_OF_RANGE', (error as Error).message);
  }
}

function bytesOf(
  data: DataOut | undefined,
  scope: ReadonlyScope,
  context: EncodingContext,
): Uint8Array | undefined {
  if (data?.kind === 'none') return NO_BYTES;
  return data?.kind === 'bytes' ? encodePattern(data.pattern, scope, context) : undefined;
}

function sizeOf(
  data: DataIn | DataOut | undefined,
  own: bigint,
  blockSize: () => number,
  scope: ReadonlyScope,
  context: EncodingContext,
): number {
  if (data?.kind === 'size') return resolveSize(data.size, blockSize, scope, context);
  if (data !== undefined) return 0;
  if (own > BigInt(LIMITS.bufferBytes))
    throw new CaseError(
      'LIMIT',
      `the CDB asks for ${own} bytes, more than a buffer may have (${LIMITS.bufferBytes}): give data, data_in or data_out`,
    );
  return Number(own);
}

/** Bytes of a size. */
export function resolveSize(
  size: Size,
  blockSize: () => number,
  scope: ReadonlyScope,
  context: EvalContext = {},
): number {
  const count = evaluateNumber(size.count, scope, context, LIMITS.bufferBytes);
  const bytes = size.unit === 'blocks' ? count * blockSize() : count;
  if (bytes > LIMITS.bufferBytes)
    throw new CaseError('LIMIT', `${bytes} bytes are more than a buffer may have (${LIMITS.bufferBytes})`);
  return bytes;
}

/**
 * Sizes of the pieces that `total` bytes are cut into. Bytes that the list does not reach go into one last piece;
 * without a cut there is one piece, or none for no bytes.
 */
export function resolveCuts(
  cuts: Cuts | undefined,
  total: number,
  scope: ReadonlyScope,
  context: EvalContext = {},
  unit?: string,
): number[] {
  if (cuts === undefined) return total === 0 ? [] : [total];
  if (cuts.kind === 'pieces') {
    const pieces = evaluateNumber(cuts.pieces, scope, context, 32768, 1);
    if (pieces > total) throw new CaseError('LENGTH', `${total} bytes cannot be cut into ${pieces} pieces`);
    // As even as possible, the larger pieces first.
    return Array.from(
      { length: pieces },
      (_, index) => Math.floor(total / pieces) + (index < total % pieces ? 1 : 0),
    );
  }
  const out: number[] = [];
  let left = total;
  const take = (size: number) => {
    if (size > left)
      throw new CaseError('LENGTH', `the cut asks for ${size} bytes where ${left} of ${total} are left`);
    out.push(size);
    left -= size;
  };
  for (const cut of cuts.list) {
    if (cut === 'rest') {
      if (left > 0) take(left);
      continue;
    }
    const size = resolveSize(cut.size, () => blockSizeOf(unit, scope, context), scope, context);
    const times = evaluateNumber(cut.times, scope, context, 32768);
    for (let round = 0; round < times; round++) take(size);
  }
  if (left > 0) take(left);
  return out;
}

/** Bytes of a pattern that is sent, with texts readable in expressions. */
export function resolveBytes(
  pattern: BytePattern,
  scope: ReadonlyScope,
  context: EvalContext = {},
): Uint8Array {
  return encodePattern(pattern, scope, encodingContext(context));
}

/** An integer of a step, e.g. a queue index or a register value. */
export function resolveInteger(
  expression: Expression,
  scope: ReadonlyScope,
  context: EvalContext = {},
): bigint {
  return evaluateInteger(expression, scope, encodingContext(context));
}
