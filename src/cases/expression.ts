/**
 * Expressions: parsing and checking. jsep reads the syntax and nothing else; its tree is copied into our own nodes,
 * which hold exact integers, flat dotted names and calls of a fixed set of functions. See `evaluate.ts` for values.
 */
import numbers from '@jsep-plugin/numbers';
import jsep from 'jsep';
import { Feature } from '../wire/virtio.js';
import { CaseError } from './errors.js';
import type { BinaryOperator, ExpressionNode, UnaryOperator } from './expression-node.js';
import { FUNCTION_SIGNATURES } from './function-table.js';
import { LIMITS } from './limits.js';
import { didYouMean } from './suggest.js';
import type { Expression } from './types.js';

// A dot is a letter of a name: `disk.blocks` is one flat name and property access cannot be written.
jsep.addIdentifierChar('.');
jsep.plugins.register(numbers);
// `true`, `null` and `this` become ordinary (unknown) names.
jsep.removeAllLiterals();
for (const operator of ['===', '!==', '>>>', '**', '??']) jsep.removeBinaryOp(operator);
jsep.removeUnaryOp('+');

const UNARY: ReadonlySet<string> = new Set<UnaryOperator>(['-', '~', '!']);
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>']);
const ORDER: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);
const EQUALITY: ReadonlySet<string> = new Set(['==', '!=']);
const LOGIC: ReadonlySet<string> = new Set(['&&', '||']);

const INTEGER = /^(?:0x[0-9a-f](?:_?[0-9a-f])*|0|[1-9](?:_?[0-9])*)$/i;

/** Reads an integer as the language writes it (decimal or 0x, `_` between digits); undefined if it is none. */
export function parseInteger(text: string): bigint | undefined {
  return INTEGER.test(text) ? BigInt(text.replaceAll('_', '')) : undefined;
}

/** A constant as an expression. */
export function constant(value: bigint, text = String(value)): Expression {
  return { text, node: { type: 'number', value }, constant: value };
}

const cache = new Map<string, Expression>();

/** Parses an expression (without its leading `=`); throws `CaseError`, never anything else. */
export function parseExpression(text: string): Expression {
  const known = cache.get(text);
  if (known) return known;
  if (text.length > LIMITS.expressionLength)
    throw new CaseError(
      'LIMIT',
      `an expression has at most ${LIMITS.expressionLength} characters, this one ${text.length}`,
    );
  const tree = readSyntax(text);
  const node = convert(tree, text, 0);
  checkKinds(node, text);
  const expression: Expression =
    node.type === 'number' ? { text: text.trim(), node, constant: node.value } : { text: text.trim(), node };
  // Bounded, so that a long-lived process loading many files does not grow.
  if (cache.size > 20_000) cache.clear();
  cache.set(text, expression);
  return expression;
}

interface Tree {
  readonly type: string;
  readonly [key: string]: unknown;
}

function readSyntax(text: string): Tree {
  try {
    return jsep(text) as unknown as Tree;
  } catch (error) {
    const { message, index } = error as Error & { index?: number };
    if (index === undefined)
      throw new CaseError('LIMIT', `the expression "${text.slice(0, 40)}…" nests too deeply`);
    throw new CaseError(
      'SYNTAX',
      `cannot read the expression "${text}": ${message.replace(/ at character \d+$/, '').replace(/^./, (first) => first.toLowerCase())}`,
      index + 1,
    );
  }
}

function syntax(message: string, text: string, part?: string): CaseError {
  const found = part === undefined ? -1 : text.indexOf(part);
  return new CaseError('SYNTAX', `${message}, in "${text}"`, found < 0 ? undefined : found + 1);
}

function convert(tree: Tree, text: string, depth: number): ExpressionNode {
  if (depth > LIMITS.expressionDepth)
    throw new CaseError(
      'LIMIT',
      `an expression nests at most ${LIMITS.expressionDepth} deep, this one deeper`,
    );
  const child = (key: string) => convert(tree[key] as Tree, text, depth + 1);
  switch (tree.type) {
    case 'Literal': {
      const raw = String(tree.raw);
      if (typeof tree.value !== 'number')
        throw syntax(`text ${raw} cannot be used: expressions hold numbers and names`, text, raw);
      const value = parseInteger(raw);
      if (value === undefined)
        throw syntax(`"${raw}" is no number of the language: write 12, 0x0c or 1_000`, text, raw);
      return { type: 'number', value };
    }
    case 'Identifier': {
      const name = String(tree.name);
      if (!/^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*$/.test(name))
        throw syntax(`"${name}" is no name`, text, name);
      return { type: 'name', name };
    }
    case 'UnaryExpression':
      if (!UNARY.has(String(tree.operator))) break;
      return { type: 'unary', operator: tree.operator as UnaryOperator, argument: child('argument') };
    case 'BinaryExpression':
    case 'LogicalExpression':
      return {
        type: 'binary',
        operator: tree.operator as BinaryOperator,
        left: child('left'),
        right: child('right'),
      };
    case 'CallExpression':
      return call(tree, text, depth);
    case 'MemberExpression':
      throw syntax('no indexing and no property access; use at(list, n)', text, '[');
    case 'ConditionalExpression':
      throw syntax('no "? :"; use pick(condition, yes, no)', text, '?');
    case 'Compound':
      throw text.trim() === ''
        ? new CaseError('SYNTAX', 'the expression is empty')
        : syntax('an operator is missing between two parts', text);
    case 'SequenceExpression':
      throw syntax('a comma stands only between arguments', text, ',');
    case 'ThisExpression':
      return { type: 'name', name: 'this' };
    case 'ArrayExpression':
      throw syntax('no lists; use any_of(x, 1, 2) or an axis', text, '[');
  }
  throw syntax(`"${String(tree.operator ?? tree.type)}" is not part of the language`, text);
}

function call(tree: Tree, text: string, depth: number): ExpressionNode {
  const callee = tree.callee as Tree;
  const name = String(callee.name ?? '');
  const signature = Object.hasOwn(FUNCTION_SIGNATURES, name)
    ? FUNCTION_SIGNATURES[name as keyof typeof FUNCTION_SIGNATURES]
    : undefined;
  if (callee.type !== 'Identifier' || signature === undefined)
    throw new CaseError(
      'UNKNOWN_FUNCTION',
      `no function "${name}" in "${text}"${didYouMean(name, Object.keys(FUNCTION_SIGNATURES))}`,
      text.indexOf(`${name}(`) + 1 || undefined,
    );
  const args = tree.arguments as (Tree | null)[];
  const { least, most } = signature;
  if (args.length < least || args.length > most)
    throw syntax(
      `${name}() takes ${least === most ? least : `${least} to ${most}`} argument${most === 1 ? '' : 's'}, here are ${args.length}`,
      text,
      `${name}(`,
    );
  const nodes = args.map((argument) => {
    if (argument === null) throw syntax(`an argument of ${name}() is empty`, text);
    return convert(argument, text, depth + 1);
  });
  if (signature.takes === 'name' && nodes.some((node) => node.type !== 'name'))
    throw syntax(`${name}() takes the name of something in flight`, text, `${name}(`);
  return { type: 'call', function: name, arguments: nodes };
}

type Kind = 'number' | 'truth' | 'unknown';

/** Refuses what can never be computed: most often `a & 1 == 0`, where `==` binds closer than `&`. */
function checkKinds(node: ExpressionNode, text: string): Kind {
  const want = (part: ExpressionNode, kind: 'number' | 'truth', operator: string) => {
    const got = checkKinds(part, text);
    if (got === 'unknown' || got === kind) return;
    throw new CaseError(
      'KIND_MISMATCH',
      kind === 'number'
        ? `${operator} takes numbers, here is a comparison: put parentheses around what belongs together, in "${text}"`
        : `${operator} takes truth values, here is a number, in "${text}"`,
    );
  };
  switch (node.type) {
    case 'number':
      return 'number';
    case 'name':
      return 'unknown';
    case 'unary': {
      const kind = node.operator === '!' ? 'truth' : 'number';
      want(node.argument, kind, node.operator);
      return kind;
    }
    case 'binary': {
      const { operator, left, right } = node;
      if (LOGIC.has(operator) || ARITHMETIC.has(operator) || ORDER.has(operator)) {
        const kind = LOGIC.has(operator) ? 'truth' : 'number';
        want(left, kind, operator);
        want(right, kind, operator);
        return ORDER.has(operator) ? 'truth' : kind;
      }
      if (!EQUALITY.has(operator)) throw syntax(`"${operator}" is not part of the language`, text, operator);
      const [a, b] = [checkKinds(left, text), checkKinds(right, text)];
      if (a !== b && a !== 'unknown' && b !== 'unknown')
        throw new CaseError(
          'KIND_MISMATCH',
          `${operator} compares a number with a truth value, in "${text}"`,
        );
      return 'truth';
    }
    case 'call':
      for (const argument of node.arguments) checkKinds(argument, text);
      return FUNCTION_SIGNATURES[node.function as keyof typeof FUNCTION_SIGNATURES].gives;
  }
}

/** The names that an expression uses, apart from arguments that name what is in flight. */
export function namesOf(expression: Expression): string[] {
  const out: string[] = [];
  collect(expression.node, (name, inFlight) => {
    if (!inFlight && !(name in Feature)) out.push(name);
  });
  return out;
}

/** The names of things in flight that an expression asks about. */
export function inFlightNamesOf(expression: Expression): string[] {
  const out: string[] = [];
  collect(expression.node, (name, inFlight) => {
    if (inFlight) out.push(name);
  });
  return out;
}

function collect(node: ExpressionNode, found: (name: string, inFlight: boolean) => void): void {
  switch (node.type) {
    case 'name':
      found(node.name, false);
      break;
    case 'unary':
      collect(node.argument, found);
      break;
    case 'binary':
      collect(node.left, found);
      collect(node.right, found);
      break;
    case 'call': {
      const signature = FUNCTION_SIGNATURES[node.function as keyof typeof FUNCTION_SIGNATURES];
      for (const argument of node.arguments)
        if (signature.takes === 'name' && argument.type === 'name') found(argument.name, true);
        else collect(argument, found);
    }
  }
}

/** Splits `a..b` at its two dots; undefined when there are none. Names never hold two dots in a row. */
export function splitRange(text: string): readonly [string, string] | undefined {
  const at = text.search(/\.\./);
  return at < 0 ? undefined : [text.slice(0, at).trim(), text.slice(at + 2).trim()];
}
