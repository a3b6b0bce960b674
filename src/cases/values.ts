/** Numbers, what they are compared with, sense triples, durations and sizes, from what YAML gives. */
import { CaseError } from './errors.js';
import { constant, parseExpression, parseInteger, splitRange } from './expression.js';
import { LIMITS } from './limits.js';
import { didYouMean } from './suggest.js';
import type { Expression, ScopeValue, SensePattern, Size, Value } from './types.js';
import type { NamedValues } from './vocabulary.js';

/** Looks up what a name stands for when the file is compiled; undefined when that is not known yet. */
export type TextLookup = (name: string) => ScopeValue | undefined;

const NO_TEXTS: TextLookup = () => undefined;
const SIMPLE_NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/** What `=name` stands for, if it is a text; texts are read by the grammar of the place that uses them. */
export function textOf(raw: unknown, texts: TextLookup): unknown {
  if (typeof raw !== 'string' || !raw.startsWith('=')) return raw;
  const name = raw.slice(1).trim();
  if (!SIMPLE_NAME.test(name)) return raw;
  const found = texts(name);
  // A text that is itself `=expression` is used as it stands: there is no second round of names.
  return typeof found === 'string' ? found : raw;
}

function show(raw: unknown): string {
  if (typeof raw === 'string') return `"${raw}"`;
  if (raw === null) return 'nothing';
  return typeof raw === 'object' ? (Array.isArray(raw) ? 'a list' : 'a map') : String(raw);
}

/** A number: integer, names of flags joined by `|`, or `=expression`. */
export function parseNumber(raw: unknown, names: NamedValues = {}, texts: TextLookup = NO_TEXTS): Expression {
  const value = textOf(raw, texts);
  if (typeof value === 'bigint') return constant(value);
  if (typeof value === 'string') {
    if (value.startsWith('=')) return parseExpression(value.slice(1));
    const number = parseInteger(value) ?? parseFlags(value, names);
    if (number !== undefined) return constant(number, value);
    throw new CaseError('SYNTAX', `${show(raw)} is no number${hint(value, names)}`);
  }
  throw new CaseError('SYNTAX', `${show(raw)} is no whole number`);
}

function hint(text: string, names: NamedValues): string {
  const known = Object.keys(names);
  const near = didYouMean(text, known);
  if (near !== '' || known.length === 0) return near;
  return known.length < 24 ? `; possible: ${known.join(', ')}` : '';
}

function parseFlags(text: string, names: NamedValues): bigint | undefined {
  // Names of codes may hold blanks, so the whole text is tried first.
  const whole = Object.hasOwn(names, text) ? names[text] : undefined;
  if (whole !== undefined) return BigInt(whole);
  let value = 0n;
  for (const part of text.split('|')) {
    const name = part.trim();
    const bit = Object.hasOwn(names, name) ? names[name] : undefined;
    if (bit === undefined) return undefined;
    value |= BigInt(bit);
  }
  return value;
}

/** What a number is compared with: `any`, a number, a range, flags, `{mask, equals}` or an expression. */
export function parseValue(raw: unknown, names: NamedValues = {}, texts: TextLookup = NO_TEXTS): Value {
  const value = textOf(raw, texts);
  if (value === 'any') return { kind: 'any' };
  if (typeof value === 'string') {
    const isExpression = value.startsWith('=');
    const range = splitRange(isExpression ? value.slice(1) : value);
    if (range) {
      const [from, to] = range.map((end) =>
        end === '' ? undefined : isExpression ? parseExpression(end) : parseNumber(end, names),
      );
      if (!from && !to) throw new CaseError('SYNTAX', `${show(raw)}: a range needs at least one end`);
      const [low, high] = [from?.constant, to?.constant];
      if (typeof low === 'bigint' && typeof high === 'bigint' && low > high)
        throw new CaseError('SYNTAX', `the range ${value} is empty`);
      return { kind: 'range', ...(from ? { from } : {}), ...(to ? { to } : {}) };
    }
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { mask, equals, ...others } = value as Record<string, unknown>;
    if (mask === undefined || equals === undefined || Object.keys(others).length > 0)
      throw new CaseError('SYNTAX', 'a mask is written {mask: n, equals: n}');
    return { kind: 'mask', mask: parseNumber(mask, names, texts), equals: parseNumber(equals, names, texts) };
  }
  return { kind: 'equals', value: parseNumber(raw, names, texts) };
}

/** A sense triple such as `5/24/00`; `..` for any code, `none` for no sense at all. */
export function parseSensePattern(raw: unknown, texts: TextLookup = NO_TEXTS): SensePattern {
  const value = textOf(raw, texts);
  if (value === 'none') return { kind: 'none' };
  const [, key, asc, ascq] =
    /^([0-9A-Fa-f])\/([0-9A-Fa-f]{2}|\.\.)\/([0-9A-Fa-f]{2}|\.\.)$/.exec(
      typeof value === 'string' ? value : '',
    ) ?? [];
  if (key === undefined || asc === undefined || ascq === undefined)
    throw new CaseError(
      'SYNTAX',
      `${show(value)} is no sense triple: hexadecimal KEY/ASC/ASCQ, e.g. 5/24/00`,
    );
  const code = (text: string) => (text === '..' ? undefined : Number.parseInt(text, 16));
  const [ascValue, ascqValue] = [code(asc), code(ascq)];
  return {
    kind: 'triple',
    key: Number.parseInt(key, 16),
    ...(ascValue === undefined ? {} : { asc: ascValue }),
    ...(ascqValue === undefined ? {} : { ascq: ascqValue }),
  };
}

/** Milliseconds of a duration such as `20ms`. */
export function parseDuration(raw: unknown): number {
  const [, digits, unit] = /^(0|[1-9][0-9]*)(us|ms|s)$/.exec(typeof raw === 'string' ? raw : '') ?? [];
  if (digits === undefined || unit === undefined) {
    const number = typeof raw === 'bigint' || (typeof raw === 'string' && /^[0-9]+$/.test(raw));
    throw new CaseError(
      'SYNTAX',
      number ? `${String(raw)} needs a unit: ${String(raw)}ms` : `${show(raw)} is no duration, e.g. 20ms`,
    );
  }
  const milliseconds = Number(digits) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's'];
  if (milliseconds > LIMITS.duration)
    throw new CaseError('LIMIT', `${String(raw)} is longer than ${LIMITS.duration / 1000}s`);
  return milliseconds;
}

/** A number of bytes, or `8 blocks`. */
export function parseSize(raw: unknown, texts: TextLookup = NO_TEXTS): Size {
  const value = textOf(raw, texts);
  const [, blocks] = /^([0-9]+) blocks?$/.exec(typeof value === 'string' ? value : '') ?? [];
  const count = blocks === undefined ? parseNumber(value, {}, texts) : constant(BigInt(blocks));
  if (
    typeof count.constant === 'bigint' &&
    (count.constant < 0n || count.constant > BigInt(LIMITS.bufferBytes))
  )
    throw new CaseError('LIMIT', `${show(raw)} is not 0..${LIMITS.bufferBytes} bytes`);
  return { count, unit: blocks === undefined ? 'bytes' : 'blocks' };
}
