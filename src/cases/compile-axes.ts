/** Axes of `each` and `repeat`: where their values come from, and the values where they are known. */
import { type Compiler, type Cursor, elements, mapOf } from './compiler.js';
import type { EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { evaluate, evaluateInteger, integerRange } from './evaluate.js';
import { constant, parseExpression, splitRange } from './expression.js';
import { LIMITS } from './limits.js';
import type { AxisSource, ReadonlyScope, ScopeRecord, ScopeValue } from './types.js';
import { parseNumber } from './values.js';

/** Values of an axis as written; `texts` need a body of steps for each of them. */
export type Axis =
  | { readonly kind: 'numbers'; readonly source: AxisSource }
  | { readonly kind: 'texts'; readonly values: readonly Cursor[] };

/** Reads an axis: a range, an expression, or a list of numbers, texts, lists and rows. */
export function compileAxis(c: Compiler, cursor: Cursor): Axis {
  const none: Axis = { kind: 'numbers', source: { kind: 'list', list: [] } };
  return c.guard<Axis>(cursor, 'value', none, () => {
    const { raw } = cursor;
    if (typeof raw === 'string') {
      const isExpression = raw.startsWith('=');
      const range = splitRange(isExpression ? raw.slice(1) : raw);
      if (range) {
        const [low, high] = range;
        if (low === '' || high === '') throw new CaseError('SYNTAX', `the range "${raw}" needs both ends`);
        const end = (text: string) => (isExpression ? c.use(parseExpression(text)) : parseNumber(text));
        const [from, to] = [end(low), end(high)];
        const length =
          typeof from.constant === 'bigint' && typeof to.constant === 'bigint'
            ? to.constant - from.constant + 1n
            : 0n;
        if (length > BigInt(LIMITS.rounds))
          throw new CaseError('LIMIT', `${raw} has ${length} values, more than ${LIMITS.rounds}`);
        return { kind: 'numbers', source: { kind: 'range', from, to } };
      }
      if (!isExpression)
        throw new CaseError('SYNTAX', `"${raw}" is no axis: a list, a range 0..3, or =expression`);
      return {
        kind: 'numbers',
        source: { kind: 'expression', expression: c.use(parseExpression(raw.slice(1))) },
      };
    }
    if (!Array.isArray(raw)) throw new CaseError('SYNTAX', 'an axis is a list, a range 0..3, or =expression');
    if (raw.length > LIMITS.rounds)
      throw new CaseError('LIMIT', `an axis has at most ${LIMITS.rounds} values, this one ${raw.length}`);
    const items = elements(cursor);
    const numeric = items.every(
      ({ raw: item }) => typeof item === 'bigint' || (typeof item === 'string' && item.startsWith('=')),
    );
    if (!numeric) return { kind: 'texts', values: items };
    return { kind: 'numbers', source: { kind: 'list', list: items.map((item) => c.number(item)) } };
  });
}

/** False, and reported, where rows have different keys: a name would be missing for some values. */
export function checkRows(c: Compiler, cursor: Cursor): boolean {
  if (!Array.isArray(cursor.raw)) return true;
  const keys = elements(cursor).map(({ raw }) => Object.keys(mapOf(raw)).sort().join(', '));
  const [first] = keys;
  const other = keys.find((each) => each !== first);
  if (other === undefined) return true;
  c.report(
    cursor.path,
    'value',
    `the rows of an axis have the same keys; these have (${first}) and (${other})`,
  );
  return false;
}

/**
 * A raw YAML value as the value of a name. Texts with `=` are computed, or with `late` kept as texts, which are
 * computed where the name is used; `undefined` says that this is not possible yet, because a fact has no value.
 */
export function toScopeValue(
  c: Compiler,
  cursor: Cursor,
  scope: ReadonlyScope,
  context: EvalContext,
  late = false,
): ScopeValue | undefined {
  const { raw } = cursor;
  if (typeof raw === 'bigint' || typeof raw === 'boolean') return raw;
  if (typeof raw === 'string') {
    if (!raw.startsWith('=')) return parseInteger(raw) ?? raw;
    const expression = c.guard(cursor, 'value', constant(0n), () => c.use(parseExpression(raw.slice(1))));
    // Later it is an expression like any other, read where the name is used.
    if (late) return raw;
    if (c.checking) return undefined;
    return evaluate(expression, scope, context);
  }
  if (Array.isArray(raw)) {
    const items = elements(cursor).map((element) => toScopeValue(c, element, scope, context, late));
    return items.every((item) => item !== undefined) ? (items as ScopeValue[]) : undefined;
  }
  if (typeof raw === 'object' && raw !== null) {
    const record: Record<string, ScopeValue> = {};
    for (const [key, item] of Object.entries(raw)) {
      const value = toScopeValue(
        c,
        { raw: item as unknown, path: [...cursor.path, key] },
        scope,
        context,
        late,
      );
      if (value === undefined) return undefined;
      record[key] = value;
    }
    return record;
  }
  c.report(cursor.path, 'value', `${String(raw)} is no value: whole numbers, texts, lists and rows are`);
  return undefined;
}

/** `0x1_0` is a text for YAML and a number for the language; a text of digits alone stays what it is. */
function parseInteger(text: string): bigint | undefined {
  return /^0x[0-9a-fA-F]+(?:_[0-9a-fA-F]+)+$/.test(text) ? BigInt(text.replaceAll('_', '')) : undefined;
}

/** Values that an axis of numbers goes through. Throws `CaseError` when they cannot be computed or are too many. */
export function axisValues(
  source: AxisSource,
  scope: ReadonlyScope,
  context: EvalContext,
): readonly ScopeValue[] {
  let values: readonly ScopeValue[];
  if (source.kind === 'list') values = source.list.map((item) => evaluate(item, scope, context));
  else if (source.kind === 'range')
    values = integerRange(
      evaluateInteger(source.from, scope, context),
      evaluateInteger(source.to, scope, context),
    );
  else {
    const value = evaluate(source.expression, scope, context);
    values = Array.isArray(value)
      ? (value as readonly ScopeValue[])
      : value instanceof Uint8Array
        ? Array.from(value, BigInt)
        : [value];
  }
  if (values.length > LIMITS.rounds)
    throw new CaseError('LIMIT', `${values.length} values are more than ${LIMITS.rounds}`);
  return values;
}

/** Names that one value of an axis binds: the axis itself, and `axis.key` for the keys of a row. */
export function bindings(name: string, value: ScopeValue): Map<string, ScopeValue> {
  const out = new Map<string, ScopeValue>([[name, value]]);
  if (isRecord(value)) for (const [key, item] of Object.entries(value)) out.set(`${name}.${key}`, item);
  return out;
}

/** Whether a value is a row. */
export function isRecord(value: ScopeValue): value is ScopeRecord {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** How a value shows in the id of an expanded case. Rows are labelled by their `name`. */
export function axisLabel(value: ScopeValue): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(axisLabel).join('+');
  if (!isRecord(value)) return String(value);
  const { name } = value;
  return name === undefined ? Object.values(value).map(axisLabel).join('/') : axisLabel(name);
}
