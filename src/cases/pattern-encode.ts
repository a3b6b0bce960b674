/** Byte patterns as bytes to send. */
import { blockSizeOf, type EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { type EncodingContext, evaluate, evaluateInteger, evaluateNumber, kindName } from './evaluate.js';
import { prngBytes, stampBytes } from './generators.js';
import { LIMITS } from './limits.js';
import type { IntegerEncoding, PatternItem } from './pattern-item.js';
import { compilePattern, ENCODINGS } from './pattern-parser.js';
import type { BytePattern, ReadonlyScope, ScopeValue } from './types.js';

/** The context in which the expressions of a pattern are computed. */
export function patternContext(
  pattern: BytePattern,
  scope: ReadonlyScope,
  context: EvalContext,
): EncodingContext {
  const size = pattern.unit === undefined ? undefined : scope.get(`${pattern.unit}.block_size`);
  return {
    ...context,
    // 0: a unit without blocks, whose patterns cannot count in them.
    ...(typeof size === 'bigint' && size > 0n
      ? { blockSize: blockSizeOf(pattern.unit, scope, context) }
      : {}),
    encodeText: (text, names, inner) => encodePattern(compilePattern(text, { output: true }), names, inner),
  };
}

/** The bytes that a pattern of sent bytes stands for. Throws `CaseError`. */
export function encodePattern(
  pattern: BytePattern,
  scope: ReadonlyScope,
  context: EvalContext = {},
): Uint8Array {
  if (pattern.any) throw new CaseError('NOT_FOR_OUTPUT', '"any" is no bytes to send');
  if (pattern.constant) {
    if (pattern.constant.mask.some((mask) => mask !== 0xff))
      throw new CaseError('NOT_FOR_OUTPUT', `"${pattern.text}" leaves bits open, but these bytes are sent`);
    return pattern.constant.bytes.slice();
  }
  return encodeItems(pattern.items, scope, patternContext(pattern, scope, context));
}

function encodeItems(
  items: readonly PatternItem[],
  scope: ReadonlyScope,
  context: EncodingContext,
): Uint8Array {
  const parts = items.map((item) => encodeItem(item, scope, context));
  return join(parts);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  checkLength(total);
  const out = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Refuses lengths that no case needs. */
export function checkLength(length: number | bigint): number {
  if (length > LIMITS.bufferBytes)
    throw new CaseError('LIMIT', `${length} bytes are more than a buffer may have (${LIMITS.bufferBytes})`);
  return Number(length);
}

/** What a count comes to: repetitions of the item, or bytes in all. */
export function countOf(
  item: PatternItem,
  scope: ReadonlyScope,
  context: EncodingContext,
): { readonly times: number } | { readonly bytes: number } | 'rest' {
  const { count } = item;
  if (count === undefined) return { times: 1 };
  if (count.kind === 'rest') return 'rest';
  const number = evaluateInteger(count.count, scope, context);
  if (number < 0n) throw new CaseError('OUT_OF_RANGE', `the count "${count.count.text}" is ${number}`);
  checkLength(number);
  if (count.kind === 'times') return { times: Number(number) };
  return { bytes: checkLength(number * BigInt(blockSizeOf(undefined, scope, context))) };
}

/** Length in bytes of a generated item: one block unless a count says otherwise; a plain count is of bytes. */
export function generatedLength(
  item: PatternItem,
  scope: ReadonlyScope,
  context: EncodingContext,
): number | 'rest' {
  if (item.count === undefined) return blockSizeOf(undefined, scope, context);
  const count = countOf(item, scope, context);
  if (count === 'rest') return 'rest';
  return 'times' in count ? count.times : count.bytes;
}

/** The bytes of a `stamp` or `prng` of that length. */
export function generate(
  item: PatternItem & { kind: 'stamp' | 'prng' },
  length: number,
  scope: ReadonlyScope,
  context: EncodingContext,
): Uint8Array {
  const seed = evaluateInteger(item.seed, scope, context);
  if (item.kind === 'prng') return prngBytes(seed, length);
  return stampBytes(
    seed,
    evaluateInteger(item.lba, scope, context),
    blockSizeOf(undefined, scope, context),
    length,
  );
}

/** A fixture by name. */
export function fixture(name: string, context: EvalContext): Uint8Array {
  if (!context.readFile) throw new CaseError('NOT_AVAILABLE', `no fixtures can be read here: file(${name})`);
  const bytes = context.readFile(name);
  checkLength(bytes.length);
  return bytes;
}

function encodeItem(item: PatternItem, scope: ReadonlyScope, context: EncodingContext): Uint8Array {
  if (item.kind === 'stamp' || item.kind === 'prng') {
    const length = generatedLength(item, scope, context);
    if (length === 'rest')
      throw new CaseError('NOT_FOR_OUTPUT', 'bytes that are sent have no end to reach to');
    return generate(item, length, scope, context);
  }
  const once = encodeOnce(item, scope, context);
  const count = countOf(item, scope, context);
  if (count === 'rest')
    throw new CaseError(
      'NOT_FOR_OUTPUT',
      '"*" without a count: bytes that are sent have no end to reach to',
      item.column,
    );
  if ('times' in count && count.times === 1) return once;
  const total = 'times' in count ? once.length * count.times : count.bytes;
  return repeat(once, checkLength(total), item);
}

/** `once` again and again, to `total` bytes. */
export function repeat(once: Uint8Array, total: number, item: PatternItem): Uint8Array {
  const out = new Uint8Array(total);
  if (total === 0) return out;
  if (once.length === 0 || total % once.length !== 0)
    throw new CaseError(
      'LENGTH',
      `${total} bytes are not a multiple of the ${once.length} repeated`,
      item.column,
    );
  out.set(once);
  for (let filled = once.length; filled < total; filled *= 2)
    out.copyWithin(filled, 0, Math.min(filled, total - filled));
  return out;
}

function encodeOnce(item: PatternItem, scope: ReadonlyScope, context: EncodingContext): Uint8Array {
  switch (item.kind) {
    case 'bytes':
      if (item.mask.some((mask) => mask !== 0xff))
        throw new CaseError('NOT_FOR_OUTPUT', 'wildcards cannot be sent', item.column);
      return item.bytes;
    case 'alternatives': {
      const [only, ...others] = item.alternatives;
      if (only === undefined || others.length > 0)
        throw new CaseError('NOT_FOR_OUTPUT', 'alternatives cannot be sent', item.column);
      return encodeItems(only, scope, context);
    }
    case 'value':
      if (item.value.kind !== 'equals')
        throw new CaseError('NOT_FOR_OUTPUT', 'a range or capture cannot be sent', item.column);
      return encodeValue(item, evaluate(item.value.expression, scope, context), scope, context);
    case 'file':
      return fixture(item.name, context);
    default:
      throw new CaseError('NOT_FOR_OUTPUT', `"${item.kind}" cannot be sent`, item.column);
  }
}

/** The bytes that an insert with an exact value stands for. */
export function encodeValue(
  item: PatternItem & { kind: 'value' },
  value: ScopeValue,
  scope: ReadonlyScope,
  context: EncodingContext,
): Uint8Array {
  const shown = item.value.kind === 'equals' ? item.value.expression.text : '';
  const wanted =
    item.list === undefined ? undefined : evaluateNumber(item.list, scope, context, LIMITS.bufferBytes);
  if (item.encoding === 'bytes') {
    const bytes =
      typeof value === 'string' && context.encodeText ? context.encodeText(value, scope, context) : value;
    if (!(bytes instanceof Uint8Array))
      throw new CaseError(
        'KIND_MISMATCH',
        `{${shown}:bytes}: ${kindName(value)} is no byte string`,
        item.column,
      );
    if (wanted !== undefined && wanted !== bytes.length)
      throw new CaseError('LENGTH', `{${shown}:bytes[${wanted}]} has ${bytes.length} bytes`, item.column);
    return bytes;
  }
  const values = Array.isArray(value) ? (value as readonly ScopeValue[]) : [value];
  if (Array.isArray(value) && wanted === undefined)
    throw new CaseError(
      'KIND_MISMATCH',
      `{${shown}:${item.encoding}} is a list: say how many, ${item.encoding}[n]`,
      item.column,
    );
  if (wanted !== undefined && Array.isArray(value) && wanted !== values.length)
    throw new CaseError('LENGTH', `{${shown}} has ${values.length} elements, not ${wanted}`, item.column);
  const { size } = ENCODINGS[item.encoding];
  const times = Array.isArray(value) ? values.length : (wanted ?? 1);
  const out = new Uint8Array(checkLength(times * size));
  for (let index = 0; index < times; index++) {
    const element = Array.isArray(value) ? values[index] : value;
    if (typeof element !== 'bigint')
      throw new CaseError(
        'KIND_MISMATCH',
        `{${shown}:${item.encoding}}: ${element === undefined ? 'nothing' : kindName(element)} is no number`,
        item.column,
      );
    writeInteger(out, index * size, element, item.encoding, context, item.column);
  }
  return out;
}

function little(encoding: IntegerEncoding, context: EvalContext): boolean {
  const { order } = ENCODINGS[encoding];
  return (order === 'guest' ? (context.guestOrder ?? 'little') : order) === 'little';
}

function writeInteger(
  out: Uint8Array,
  at: number,
  value: bigint,
  encoding: IntegerEncoding,
  context: EvalContext,
  column: number,
): void {
  const { size } = ENCODINGS[encoding];
  if (value < 0n || value >> BigInt(8 * size) !== 0n)
    throw new CaseError('OUT_OF_RANGE', `${value} does not fit ${encoding}`, column);
  const isLittle = little(encoding, context);
  for (let byte = 0; byte < size; byte++)
    out[at + (isLittle ? byte : size - 1 - byte)] = Number((value >> BigInt(8 * byte)) & 0xffn);
}

/** The integer that `size` bytes at `at` hold. */
export function readInteger(
  bytes: Uint8Array,
  at: number,
  encoding: IntegerEncoding,
  context: EvalContext,
): bigint {
  const { size } = ENCODINGS[encoding];
  const isLittle = little(encoding, context);
  let value = 0n;
  for (let byte = 0; byte < size; byte++)
    value = (value << 8n) | BigInt(bytes[at + (isLittle ? size - 1 - byte : byte)] ?? 0);
  return value;
}
