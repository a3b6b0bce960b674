import { describe, expect, test } from 'vitest';
import { compareValue } from '../../src/cases/expect.js';
import {
  parseDuration,
  parseNumber,
  parseSensePattern,
  parseSize,
  parseValue,
} from '../../src/cases/values.js';
import { scopeOf } from './support.js';

const FLAGS = { ACKNOWLEDGE: 1, DRIVER: 2, 'CHECK CONDITION': 2 };
const TEXTS: Readonly<Record<string, string>> = {
  'row.sense': '5/24/00',
  'row.mask': 'ACKNOWLEDGE|DRIVER',
  'row.span': '1..3',
};
const texts = (name: string) => TEXTS[name];
const scope = scopeOf({ n: 3 });

describe('numbers', () => {
  test.each<[unknown, bigint]>([
    [12n, 12n],
    ['12', 12n],
    ['0x1_0000_0001', 0x1_0000_0001n],
    ['ACKNOWLEDGE', 1n],
    ['ACKNOWLEDGE|DRIVER', 3n],
    ['ACKNOWLEDGE | DRIVER', 3n],
    ['CHECK CONDITION', 2n],
    ['=row.mask', 3n],
  ])('%s', (raw, value) => {
    expect(parseNumber(raw, FLAGS, texts).constant).toBe(value);
  });

  test.each<[unknown, RegExp]>([
    ['ACKNOLEDGE', /did you mean "ACKNOWLEDGE"/],
    ['zzz', /possible: ACKNOWLEDGE, DRIVER/],
    [1.5, /no whole number/],
    [null, /nothing is no whole number/],
    [true, /true is no whole number/],
    ['=1 +', /cannot read/],
  ])('refused: %s', (raw, message) => {
    expect(() => parseNumber(raw, FLAGS, texts)).toThrow(message);
  });
});

describe('values', () => {
  test.each<[unknown, bigint[], bigint[]]>([
    ['any', [0n, 99n], []],
    [5n, [5n], [4n]],
    ['1..3', [1n, 2n, 3n], [0n, 4n]],
    ['1..', [1n, 1n << 70n], [0n]],
    ['..0x10', [0n, 16n], [17n]],
    ['=n + 1', [4n], [3n]],
    ['=n..n + 1', [3n, 4n], [2n, 5n]],
    ['=..n', [0n, 3n], [4n]],
    ['=row.span', [1n, 3n], [4n]],
    ['=row.mask', [3n], [2n]],
    [{ mask: 'DRIVER', equals: 2n }, [2n, 3n], [1n]],
    [{ mask: '=n', equals: '=n - 2' }, [5n], [7n]],
  ])('%s', (raw, yes, no) => {
    const value = parseValue(raw, FLAGS, texts);
    for (const actual of yes) expect(compareValue(value, actual, scope, {})).toBeUndefined();
    for (const actual of no) expect(compareValue(value, actual, scope, {})).toBeDefined();
  });

  test.each<[unknown, RegExp]>([
    ['..', /at least one end/],
    ['3..1', /empty/],
    [{ mask: 1n }, /\{mask: n, equals: n\}/],
    [{ mask: 1n, equals: 1n, other: 1n }, /\{mask: n, equals: n\}/],
  ])('refused: %s', (raw, message) => {
    expect(() => parseValue(raw, FLAGS, texts)).toThrow(message);
  });

  test('a mismatch names codes and tells where the expected number comes from', () => {
    const wrong = compareValue(parseValue('=n'), 2n, scope, {}, { GOOD: 0, BUSY: 3 });
    expect(wrong).toEqual({ expected: '3 BUSY (n)', got: '2' });
  });
});

test.each([
  ['none', { kind: 'none' }],
  ['5/24/00', { kind: 'triple', key: 5, asc: 0x24, ascq: 0 }],
  ['B/4a/..', { kind: 'triple', key: 11, asc: 0x4a }],
  ['6/../..', { kind: 'triple', key: 6 }],
  ['=row.sense', { kind: 'triple', key: 5, asc: 0x24, ascq: 0 }],
])('sense %s', (raw, pattern) => {
  expect(parseSensePattern(raw, texts)).toEqual(pattern);
});

test.each(['05/20/00', '5/24', '5-24-00', 'ILLEGAL REQUEST', '=row.mask'])('no sense: %s', (raw) => {
  expect(() => parseSensePattern(raw, texts)).toThrow(/no sense triple/);
});

test.each([
  ['20ms', 20],
  ['1s', 1000],
  ['500us', 0.5],
  ['0ms', 0],
])('duration %s', (raw, milliseconds) => {
  expect(parseDuration(raw)).toBe(milliseconds);
});

test.each<[unknown, RegExp]>([
  [20n, /20 needs a unit: 20ms/],
  ['20', /needs a unit/],
  ['1h', /no duration/],
  ['-1s', /no duration/],
  ['01s', /no duration/],
  ['601s', /longer than 600s/],
])('no duration: %s', (raw, message) => {
  expect(() => parseDuration(raw)).toThrow(message);
});

test('sizes', () => {
  expect(parseSize(512n)).toMatchObject({ unit: 'bytes', count: { constant: 512n } });
  expect(parseSize('8 blocks')).toMatchObject({ unit: 'blocks', count: { constant: 8n } });
  expect(parseSize('1 block')).toMatchObject({ unit: 'blocks', count: { constant: 1n } });
  expect(() => parseSize(1n << 40n)).toThrow(/not 0\.\./);
  expect(() => parseSize(-1n)).toThrow(/not 0\.\./);
});
