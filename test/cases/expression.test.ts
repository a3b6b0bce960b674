import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaseError } from '../../src/cases/errors.js';
import { evaluate, evaluateCondition, evaluateInteger, evaluateNumber } from '../../src/cases/evaluate.js';
import {
  inFlightNamesOf,
  namesOf,
  parseExpression,
  parseInteger,
  splitRange,
} from '../../src/cases/expression.js';
import { FUNCTION_SIGNATURES } from '../../src/cases/function-table.js';
import { LIMITS } from '../../src/cases/limits.js';
import type { ScopeValue } from '../../src/cases/types.js';
import { hex, scopeOf } from './support.js';

const scope = scopeOf({
  n: 3,
  big: 1n << 64n,
  'disk.blocks': 2048,
  'run.seed': 7,
  list: [1n, 2n, 2n, 9n],
  luns: [5n << 48n, 0x4006n << 48n, 0x4100n << 48n],
  bytes: hex('0102ff'),
  page: hex('4a0000020000'),
  text: '00 01',
  truth: true,
  row: { len: 5n, name: 'five' },
});
const run = (text: string) => evaluate(parseExpression(text), scope, CONTEXT);
const CONTEXT = {
  offered: (bit: number) => bit === 29,
  negotiated: (bit: number) => bit === 32,
  position: (name: string) => (name === 'w' ? 2n : undefined),
  returned: (name: string) => name === 'w',
  barSize: (bar: number) => (bar === 4 ? 16384n : 0n),
  blockSize: 16,
};

describe('values', () => {
  test.each<[string, ScopeValue]>([
    ['1 + 2 * 3', 7n],
    ['(1 + 2) * 3', 9n],
    ['0x1_0000_0001 - 1', 0x1_0000_0000n],
    ['9007199254740993', 9007199254740993n],
    ['0xffff_ffff_ffff_ffff + 1 == big', true],
    ['7 / 2', 3n],
    ['-7 / 2', -3n],
    ['-7 % 4', -3n],
    ['1 << 40 >> 39', 2n],
    ['~0 & 0xff', 255n],
    ['6 ^ 5 | 8', 11n],
    ['disk.blocks - 1', 2047n],
    ['row.len', 5n],
    ['n == 3 && !(n > 3) || 1 / 0 == 1', true],
    ['n != 3 && 1 / 0 == 1', false],
    ['bytes == bytes', true],
    ['truth != (1 == 2)', true],
    ['min(3, n, 9)', 3n],
    ['max(3, 9, n)', 9n],
    ['bit(29)', 1n << 29n],
    ['pick(n == 3, 1, 1 / 0)', 1n],
    ['any_of(n, 1, 2, 3)', true],
    ['any_of(n, 1, 2)', false],
    ['at(list, 3)', 9n],
    ['at(bytes, 2)', 255n],
    ['len(list) + len(bytes)', 7n],
    ['sorted(list)', true],
    ['sorted(range(3, 1))', true],
    ['distinct(list)', false],
    ['distinct(range(1, 5))', true],
    ['contains(list, 9)', true],
    ['powers(9)', [1n, 2n, 4n, 8n]],
    ['range(2, 4)', [2n, 3n, 4n]],
    ['zeros(2)', hex('0000')],
    ['slice(bytes, 1, 2)', hex('02ff')],
    ['xor(bytes, bytes)', hex('000000')],
    // Bytes 01 02 ff: a record of header 1 and length 2 that follows another of length 1 reaches beyond them.
    ['records(bytes, 1, 0, 1)', [0n, 2n]],
    ['records_end(bytes, 1, 0, 1)', 258n],
    ['records(zeros(4), 2, 0, 2)', [0n, 2n]],
    ['records_end(zeros(4), 2, 0, 2)', 4n],
    ['records(zeros(2), 0, 0, 1)', [0n, 1n]],
    ['mode_pages(page)', [0n]],
    ['mode_pages_end(page)', 6n],
    // Page 00h has no form, and reaches to the end.
    ['mode_pages(zeros(5))', []],
    ['mode_pages_end(zeros(5))', 5n],
    ['len(stamp(1, 2))', 16n],
    ['len(prng(1))', 16n],
    ['offered(VIRTIO_F_EVENT_IDX)', true],
    ['offered(28)', false],
    ['negotiated(VIRTIO_F_VERSION_1)', true],
    ['position(w)', 2n],
    ['returned(w)', true],
    ['returned(other)', false],
    ['bar_size(4)', 16384n],
    ['has_lun(luns, 5)', true],
    ['has_lun(luns, 6)', true],
    ['has_lun(luns, 256)', true],
    ['has_lun(luns, 300)', false],
    ['has_lun(luns, 0)', false],
  ])('%s', (text, expected) => {
    expect(run(text)).toEqual(expected);
  });

  test('sample draws different numbers with both ends among them, the same for a seed', () => {
    const first = run('sample(8, 0, 1000)') as bigint[];
    expect(first).toHaveLength(8);
    expect(new Set(first).size).toBe(8);
    expect([first[0], first.at(-1)]).toEqual([0n, 1000n]);
    expect(run('sample(8, 0, 1000)')).toEqual(first);
    expect(run('sample(8, 1, 3)')).toEqual([1n, 2n, 3n]);
  });

  test('dif is the guard, the application tag and the reference tag of each block', () => {
    // CRC-16/T10-DIF of "123456789" is D0DBh; a block of zeros has guard 0.
    const nine = new Map([['text', hex('313233343536373839')]]);
    const context = { blockSize: 9 };
    expect(evaluate(parseExpression('dif(text, 0x1_0000_0007, 5)'), nine, context)).toEqual(
      hex('d0db000500000007'),
    );
  });
});

describe('mistakes', () => {
  test.each<[string, CaseError['code'], RegExp]>([
    ['', 'SYNTAX', /empty/],
    ['1 +', 'SYNTAX', /cannot read/],
    ['1 2', 'SYNTAX', /operator is missing/],
    ['1.5', 'SYNTAX', /no number/],
    ['010', 'SYNTAX', /no number/],
    ['1e3', 'SYNTAX', /no number/],
    ['0b11', 'SYNTAX', /no number/],
    ['"a" == n', 'SYNTAX', /text "a"/],
    ['n ? 1 : 2', 'SYNTAX', /pick/],
    ['list[1]', 'SYNTAX', /at\(list, n\)/],
    ['[1, 2]', 'SYNTAX', /list/],
    ['(1, 2)', 'SYNTAX', /comma/],
    ['n === 3', 'SYNTAX', /cannot read|not part/],
    ['a..b', 'SYNTAX', /no name/],
    ['this', 'UNKNOWN_NAME', /this/],
    ['true', 'UNKNOWN_NAME', /true/],
    ['n.constructor', 'UNKNOWN_NAME', /constructor/],
    ['row.__proto__', 'UNKNOWN_NAME', /__proto__/],
    ['mim(1)', 'UNKNOWN_FUNCTION', /did you mean "min"/],
    ['constructor(1)', 'UNKNOWN_FUNCTION', /constructor/],
    ['row.min(1)', 'UNKNOWN_FUNCTION', /row.min/],
    ['bit()', 'SYNTAX', /takes 1 argument, here are 0/],
    ['dif(bytes)', 'SYNTAX', /2 to 3/],
    ['n & 1 == 0', 'KIND_MISMATCH', /parentheses/],
    ['n && 1', 'KIND_MISMATCH', /truth values/],
    ['!1', 'KIND_MISMATCH', /truth values/],
    ['1 == (2 == 3)', 'KIND_MISMATCH', /compares/],
    ['disk.blokcs', 'UNKNOWN_NAME', /did you mean "disk.blocks"/],
    ['bytes + 1', 'KIND_MISMATCH', /byte string of 3/],
    ['bytes == 1', 'KIND_MISMATCH', /cannot compare/],
    ['text == text', 'KIND_MISMATCH', /the text/],
    ['list == list', 'KIND_MISMATCH', /cannot compare/],
    ['1 / 0', 'DIVISION_BY_ZERO', /zero/],
    ['1 % (n - 3)', 'DIVISION_BY_ZERO', /zero/],
    ['1 << 4097', 'LIMIT', /4096/],
    ['1 << -1', 'LIMIT', /4096/],
    ['at(list, 4)', 'OUT_OF_RANGE', /list of 4/],
    ['at(list, -1)', 'OUT_OF_RANGE', /list of 4/],
    ['xor(bytes, zeros(2))', 'LENGTH', /3 and 2/],
    ['slice(bytes, 2, 2)', 'LIMIT', /0\.\.1/],
    ['zeros(1 << 40)', 'LIMIT', /not 0\.\./],
    ['range(0, 1 << 40)', 'LIMIT', /values/],
    ['sample(2, 5, 4)', 'OUT_OF_RANGE', /empty/],
    ['position(1)', 'SYNTAX', /in flight/],
    ['position(n)', 'NOT_AVAILABLE', /not been returned/],
  ])('%s', (text, code, message) => {
    expect(() => run(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });

  test('functions that need a run are refused without one', () => {
    for (const text of ['offered(1)', 'negotiated(1)', 'bar_size(0)', 'position(w)', 'returned(w)'])
      expect(() => evaluate(parseExpression(text), scope)).toThrow(
        expect.objectContaining({ code: 'NOT_AVAILABLE' }),
      );
  });

  test('the kind that a place needs', () => {
    expect(() => evaluateInteger(parseExpression('truth'), scope)).toThrow(/not a number/);
    expect(() => evaluateCondition(parseExpression('n'), scope)).toThrow(/not a truth value/);
    expect(() => evaluateNumber(parseExpression('n - 4'), scope)).toThrow(/not 0\.\./);
  });
});

describe('limits', () => {
  test('nesting', () => {
    const nested = (depth: number) => `${'-('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(evaluate(parseExpression(nested(LIMITS.expressionDepth)), scope)).toBe(1n);
    expect(() => parseExpression(nested(LIMITS.expressionDepth + 1))).toThrow(/nests at most/);
  });

  test('length', () => {
    expect(() => parseExpression(`1${' '.repeat(LIMITS.expressionLength)}`)).toThrow(/characters/);
  });

  test('size of numbers', () => {
    const square = Array.from({ length: 20 }, () => '(1 << 4096)').join(' * ');
    expect(() => run(square)).toThrow(expect.objectContaining({ code: 'LIMIT' }));
  });
});

test('the table of functions is closed', () => {
  // A new function must be worth a line here: each one is a piece of script creeping in.
  expect(Object.keys(FUNCTION_SIGNATURES)).toHaveLength(29);
});

test('names', () => {
  const expression = parseExpression('a.b + min(c, 1) == position(w) && offered(VIRTIO_F_EVENT_IDX)');
  expect(namesOf(expression)).toEqual(['a.b', 'c']);
  expect(inFlightNamesOf(expression)).toEqual(['w']);
});

test('integers', () => {
  expect(['0', '12', '0x0c', '1_000', '0xAb'].map(parseInteger)).toEqual([0n, 12n, 12n, 1000n, 0xabn]);
  expect(['', '01', '0x', '1_', '_1', '-1', '1.0', '0b1'].map(parseInteger)).toEqual(
    Array(8).fill(undefined),
  );
});

test('ranges split at two dots', () => {
  expect(splitRange('0..dev.queues - 1')).toEqual(['0', 'dev.queues - 1']);
  expect(splitRange('..5')).toEqual(['', '5']);
  expect(splitRange('a.b')).toBeUndefined();
});

test('nothing but a CaseError comes out of any text', () => {
  const pieces = fc.constantFrom(
    ...[
      '1',
      '0x',
      'n',
      'list',
      'bytes',
      '.',
      '..',
      '+',
      '-',
      '*',
      '/',
      '%',
      '<<',
      '>>',
      '(',
      ')',
      '[',
      ']',
      ',',
    ],
    ...[
      '"',
      "'",
      '`',
      '?',
      ':',
      '!',
      '~',
      '&&',
      '||',
      '==',
      'min',
      'at',
      'pick',
      ' ',
      '=',
      '=>',
      'this',
      '\\u{1}',
    ],
  );
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(pieces, { maxLength: 24 }).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(text, (source) => {
      try {
        run(source);
      } catch (error) {
        expect(error).toBeInstanceOf(CaseError);
      }
    }),
    { numRuns: 3000 },
  );
});

test('parsing what was computed gives the same number', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: (1n << 70n) - 1n }),
      fc.bigInt({ min: 1n, max: 1n << 66n }),
      (a, b) => {
        expect(run(`${a} + ${b}`)).toBe(a + b);
        expect(run(`${a} * ${b} - 0x${b.toString(16)}`)).toBe(a * b - b);
        expect(run(`${a} / ${b}`)).toBe(a / b);
        expect(run(`${a} % ${b} <= ${a}`)).toBe(a % b <= a);
      },
    ),
  );
});
