/** Evaluation of expressions: integers are BigInt, mixing kinds is an error, and nothing has side effects. */
import { Feature, type FeatureName } from '../wire/virtio.js';
import { blockSizeOf, type EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { parseExpression } from './expression.js';
import type { BinaryOperator, ExpressionNode } from './expression-node.js';
import type { FunctionName } from './function-table.js';
import { prngBytes, protectionBytes, splitmix64, stampBytes } from './generators.js';
import { without } from './layered-map.js';
import { LIMITS } from './limits.js';
import { modePageForm, recordForm, walkRecords } from './records.js';
import { didYouMean } from './suggest.js';
import type { Expression, ReadonlyScope, ScopeValue } from './types.js';

/** How `evaluate` turns a text into bytes; `byte-pattern.ts` has the only one. */
export type TextEncoder = (text: string, scope: ReadonlyScope, context: EvalContext) => Uint8Array;

/** An `EvalContext` whose texts can be read as byte patterns (`dif(block, 0)`, where `block` is a `let`). */
export interface EncodingContext extends EvalContext {
  readonly encodeText?: TextEncoder;
}

/** Value of an expression. Throws `CaseError`. */
export function evaluate(
  expression: Expression,
  scope: ReadonlyScope,
  context: EncodingContext = {},
): ScopeValue {
  return expression.constant ?? value(expression.node, scope, context);
}

/** Value of an expression that must be an integer. */
export function evaluateInteger(
  expression: Expression,
  scope: ReadonlyScope,
  context: EncodingContext = {},
): bigint {
  const result = evaluate(expression, scope, context);
  // A name may stand for a text that is a number or the name of a constant, e.g. a row's value.
  if (typeof result !== 'bigint') throw kind(`"${expression.text}"`, result, 'a number');
  return result;
}

/** Value of an expression that must fit `least..most`, as an ordinary number. */
export function evaluateNumber(
  expression: Expression,
  scope: ReadonlyScope,
  context: EncodingContext = {},
  most: number = Number.MAX_SAFE_INTEGER,
  least = 0,
): number {
  const result = evaluateInteger(expression, scope, context);
  if (result < BigInt(least) || result > BigInt(most))
    throw new CaseError('OUT_OF_RANGE', `"${expression.text}" is ${result}, which is not ${least}..${most}`);
  return Number(result);
}

/** Value of a condition. */
export function evaluateCondition(
  expression: Expression,
  scope: ReadonlyScope,
  context: EncodingContext = {},
): boolean {
  const result = evaluate(expression, scope, context);
  if (typeof result !== 'boolean') throw kind(`"${expression.text}"`, result, 'a truth value');
  return result;
}

/** What a value is, for messages. */
export function kindName(it: ScopeValue): string {
  if (typeof it === 'bigint') return `the number ${it}`;
  if (typeof it === 'boolean') return `the truth value ${it}`;
  if (typeof it === 'string') return `the text "${it.length > 40 ? `${it.slice(0, 40)}…` : it}"`;
  if (it instanceof Uint8Array) return `a byte string of ${it.length}`;
  return Array.isArray(it) ? `a list of ${it.length}` : 'a row';
}

function kind(what: string, got: ScopeValue, wanted: string): CaseError {
  return new CaseError('KIND_MISMATCH', `${what} is ${kindName(got)}, not ${wanted}`);
}

function integer(it: ScopeValue, what: string): bigint {
  if (typeof it !== 'bigint') throw kind(what, it, 'a number');
  return it;
}

function truth(it: ScopeValue, what: string): boolean {
  if (typeof it !== 'boolean') throw kind(what, it, 'a truth value');
  return it;
}

const ABOVE_ALL = 1n << BigInt(LIMITS.numberBits);
const BELOW_ALL = -ABOVE_ALL;

function bounded(it: bigint): bigint {
  if (it >= ABOVE_ALL || it <= BELOW_ALL)
    throw new CaseError('LIMIT', `a number has more than ${LIMITS.numberBits} bits`);
  return it;
}

function value(node: ExpressionNode, scope: ReadonlyScope, context: EncodingContext): ScopeValue {
  switch (node.type) {
    case 'number':
      return node.value;
    case 'name': {
      const found = lookup(node.name, scope);
      // A row may hold an expression; without its own name in scope it cannot run in circles.
      if (typeof found !== 'string' || !found.startsWith('=')) return found;
      return evaluate(parseExpression(found.slice(1)), without(scope, node.name), context);
    }
    case 'unary': {
      const argument = value(node.argument, scope, context);
      if (node.operator === '!') return !truth(argument, 'what follows !');
      const number = integer(argument, `what follows ${node.operator}`);
      return node.operator === '-' ? -number : ~number;
    }
    case 'binary':
      return binary(node.operator, node.left, node.right, scope, context);
    case 'call':
      return callFunction(node.function as FunctionName, node.arguments, scope, context);
  }
}

function lookup(name: string, scope: ReadonlyScope): ScopeValue {
  const found = scope.get(name) ?? lookupInRecord(name, scope);
  if (found !== undefined) return found;
  if (Object.hasOwn(Feature, name)) return BigInt(Feature[name as FeatureName]);
  throw new CaseError('UNKNOWN_NAME', `unknown name "${name}"${didYouMean(name, scope.keys())}`);
}

/** `row.len` where `row` is a record. */
function lookupInRecord(name: string, scope: ReadonlyScope): ScopeValue | undefined {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return undefined;
  const owner = scope.get(name.slice(0, dot));
  if (typeof owner !== 'object' || owner instanceof Uint8Array || Array.isArray(owner)) return undefined;
  const record = owner as Readonly<Record<string, ScopeValue>>;
  const key = name.slice(dot + 1);
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function binary(
  operator: BinaryOperator,
  left: ExpressionNode,
  right: ExpressionNode,
  scope: ReadonlyScope,
  context: EncodingContext,
): ScopeValue {
  const a = value(left, scope, context);
  if (operator === '&&')
    return truth(a, 'what stands before &&') && truth(value(right, scope, context), 'what follows &&');
  if (operator === '||')
    return truth(a, 'what stands before ||') || truth(value(right, scope, context), 'what follows ||');
  const b = value(right, scope, context);
  if (operator === '==') return equal(a, b, operator);
  if (operator === '!=') return !equal(a, b, operator);
  const x = integer(a, `what stands before ${operator}`);
  const y = integer(b, `what follows ${operator}`);
  switch (operator) {
    case '+':
      return bounded(x + y);
    case '-':
      return bounded(x - y);
    case '*':
      return bounded(x * y);
    case '/':
      return x / nonZero(y);
    case '%':
      return x % nonZero(y);
    case '&':
      return x & y;
    case '|':
      return x | y;
    case '^':
      return x ^ y;
    case '<<':
      return bounded(x << shift(y));
    case '>>':
      return x >> shift(y);
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
  }
}

function nonZero(it: bigint): bigint {
  if (it === 0n) throw new CaseError('DIVISION_BY_ZERO', 'division by zero');
  return it;
}

function shift(it: bigint): bigint {
  if (it < 0n || it > BigInt(LIMITS.shift))
    throw new CaseError('LIMIT', `a shift by ${it} is not 0..${LIMITS.shift}`);
  return it;
}

function equal(a: ScopeValue, b: ScopeValue, operator: string): boolean {
  if ((typeof a === 'bigint' && typeof b === 'bigint') || (typeof a === 'boolean' && typeof b === 'boolean'))
    return a === b;
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, index) => byte === b[index]);
  throw new CaseError('KIND_MISMATCH', `${operator} cannot compare ${kindName(a)} with ${kindName(b)}`);
}

/** A list as it is written; bytes stay bytes, since a bigint for each costs more than what is asked of them. */
function rawList(it: ScopeValue, what: string): Uint8Array | readonly ScopeValue[] {
  if (it instanceof Uint8Array || Array.isArray(it)) return it;
  throw kind(what, it, 'a list');
}

function list(it: ScopeValue, what: string): readonly ScopeValue[] {
  const items = rawList(it, what);
  return items instanceof Uint8Array ? Array.from(items, BigInt) : items;
}

function byteString(
  it: ScopeValue,
  what: string,
  scope: ReadonlyScope,
  context: EncodingContext,
): Uint8Array {
  if (it instanceof Uint8Array) return it;
  if (typeof it === 'string' && context.encodeText) return context.encodeText(it, scope, context);
  throw kind(what, it, 'a byte string');
}

function count(it: ScopeValue, what: string, most: number): number {
  const number = integer(it, what);
  if (number < 0n || number > BigInt(most))
    throw new CaseError('LIMIT', `${what} is ${number}, which is not 0..${most}`);
  return Number(number);
}

function callFunction(
  name: FunctionName,
  nodes: readonly ExpressionNode[],
  scope: ReadonlyScope,
  context: EncodingContext,
): ScopeValue {
  const at = (index: number): ScopeValue => {
    const node = nodes[index];
    if (node === undefined) throw new CaseError('SYNTAX', `${name}() lacks an argument`);
    return value(node, scope, context);
  };
  const all = () => nodes.map((_, index) => at(index));
  const number = (index: number) => integer(at(index), `argument ${index + 1} of ${name}()`);
  const bytes = (index: number) =>
    byteString(at(index), `argument ${index + 1} of ${name}()`, scope, context);
  const raw = (index: number) => rawList(at(index), `argument ${index + 1} of ${name}()`);
  const items = (index: number) => list(at(index), `argument ${index + 1} of ${name}()`);
  const numbers = (index: number) => items(index).map((item) => integer(item, `an element for ${name}()`));
  switch (name) {
    case 'min':
    case 'max': {
      const values = all().map((item) => integer(item, `an argument of ${name}()`));
      return values.reduce((best, item) => (item < best === (name === 'min') ? item : best));
    }
    case 'bit':
      return 1n << shift(number(0));
    case 'pick':
      return truth(at(0), 'the condition of pick()') ? at(1) : at(2);
    case 'any_of': {
      const [first, ...rest] = all();
      return rest.some((item) => first !== undefined && equal(first, item, 'any_of()'));
    }
    case 'at': {
      const values = raw(0);
      const index = number(1);
      const found = index >= 0n && index < BigInt(values.length) ? values[Number(index)] : undefined;
      if (found === undefined)
        throw new CaseError(
          'OUT_OF_RANGE',
          `at(): there is no element ${index} in a list of ${values.length}`,
        );
      return typeof found === 'number' ? BigInt(found) : found;
    }
    case 'len':
      return BigInt(raw(0).length);
    case 'sorted':
      return numbers(0).every((item, index, values) => index === 0 || (values[index - 1] ?? item) <= item);
    case 'distinct': {
      const values = numbers(0);
      return new Set(values).size === values.length;
    }
    case 'contains': {
      const wanted = at(1);
      return items(0).some((item) => equal(item, wanted, 'contains()'));
    }
    case 'range':
      return integerRange(number(0), number(1));
    case 'powers': {
      const limit = number(0);
      const out: bigint[] = [];
      for (let power = 1n; power <= limit; power <<= 1n) out.push(power);
      return out;
    }
    case 'sample':
      return sample(count(at(0), 'the count of sample()', 4096), number(1), number(2), scope);
    case 'xor': {
      const [a, b] = [bytes(0), bytes(1)];
      if (a.length !== b.length)
        throw new CaseError(
          'LENGTH',
          `xor() takes byte strings of one length, not ${a.length} and ${b.length}`,
        );
      return a.map((byte, index) => byte ^ (b[index] ?? 0));
    }
    case 'zeros':
      return new Uint8Array(count(at(0), 'the count of zeros()', LIMITS.bufferBytes));
    case 'slice': {
      const source = bytes(0);
      const from = count(at(1), 'the start of slice()', source.length);
      return source.slice(from, from + count(at(2), 'the count of slice()', source.length - from));
    }
    case 'records':
    case 'records_end':
    case 'mode_pages':
    case 'mode_pages_end': {
      const ofModePages = name.startsWith('mode_pages');
      const small = (index: number, what: string) => count(at(index), `the ${what} of ${name}()`, 64);
      const form = ofModePages
        ? modePageForm
        : recordForm(small(1, 'header'), small(2, 'place'), small(3, 'width'));
      const records = raw(0);
      const { starts, end } = walkRecords(
        records instanceof Uint8Array ? records : records.map((item) => Number(integer(item, 'a byte'))),
        form,
      );
      return name.endsWith('_end') ? BigInt(end) : starts.map(BigInt);
    }
    case 'stamp': {
      const size = blockSizeOf(undefined, scope, context);
      return stampBytes(number(0), number(1), size, size);
    }
    case 'prng':
      return prngBytes(number(0), blockSizeOf(undefined, scope, context));
    case 'dif': {
      const tag = nodes.length > 2 ? count(at(2), 'the application tag of dif()', 0xffff) : 0;
      return protectionBytes(bytes(0), number(1), blockSizeOf(undefined, scope, context), tag);
    }
    case 'has_lun': {
      const unit = BigInt(count(at(1), 'the unit of has_lun()', 16383));
      const forms = [(0x4000n | unit) << 48n, ...(unit < 256n ? [unit << 48n] : [])];
      return items(0).some((item) => forms.some((form) => equal(item, form, 'has_lun()')));
    }
    case 'bar_size':
      return available(context.barSize, name)(count(at(0), 'the number of bar_size()', 0xff));
    case 'offered':
      return available(context.offered, name)(count(at(0), 'the feature of offered()', 127));
    case 'negotiated':
      return available(context.negotiated, name)(count(at(0), 'the feature of negotiated()', 127));
    case 'position':
    case 'returned':
      return inFlight(name, nodes[0], context);
  }
}

function available<T>(callback: T | undefined, name: string): T {
  if (callback === undefined) throw new CaseError('NOT_AVAILABLE', `${name}() is not known here`);
  return callback;
}

function inFlight(
  name: 'position' | 'returned',
  node: ExpressionNode | undefined,
  context: EncodingContext,
): ScopeValue {
  if (node?.type !== 'name') throw new CaseError('SYNTAX', `${name}() takes the name of something in flight`);
  if (name === 'returned') return available(context.returned, name)(node.name);
  const place = available(context.position, name)(node.name);
  if (place === undefined) throw new CaseError('NOT_AVAILABLE', `${node.name} has not been returned yet`);
  return place;
}

/** The integers from `from` to `to`; empty when `to` is smaller. */
export function integerRange(from: bigint, to: bigint): bigint[] {
  const length = to < from ? 0n : to - from + 1n;
  if (length > BigInt(LIMITS.listLength))
    throw new CaseError('LIMIT', `${from}..${to} has ${length} values, more than ${LIMITS.listLength}`);
  return Array.from({ length: Number(length) }, (_, index) => from + BigInt(index));
}

/** `count` different numbers of `from..to`, both ends among them, ascending; all of them when there are not more. */
function sample(number: number, from: bigint, to: bigint, scope: ReadonlyScope): bigint[] {
  const size = to - from + 1n;
  if (size <= 0n) throw new CaseError('OUT_OF_RANGE', `sample(): ${from}..${to} is empty`);
  if (size <= BigInt(number)) return integerRange(from, to);
  const seed = scope.get('run.seed');
  const next = splitmix64(typeof seed === 'bigint' ? seed : 0n);
  // The ends are where bugs are.
  const chosen = new Set<bigint>(number === 0 ? [] : number === 1 ? [to] : [from, to]);
  while (chosen.size < number) chosen.add(from + (next() % size));
  return [...chosen].sort((a, b) => (a < b ? -1 : 1));
}
