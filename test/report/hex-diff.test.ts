import { expect, test } from 'vitest';
import { hexDiff, spacedHex } from '../../src/report/hex-diff.js';

test('differing bytes are marked; rows that agree are left out', () => {
  const equal = '00'.repeat(16);
  expect(hexDiff({ expected: `${equal}010203`, got: `${equal}01ff03` })).toEqual([
    '0010  expected  01 02 03',
    '      got       01 ff 03',
    '                   ^^',
  ]);
});

test('bytes that are missing or too many differ', () => {
  expect(hexDiff({ expected: '0102', got: '01' })).toEqual([
    '0000  expected  01 02',
    '      got       01 --',
    '                   ^^',
  ]);
  expect(hexDiff({ expected: '', got: '01' })[0]).toBe('0000  expected  --');
});

test('bits that do not count are not looked at', () => {
  expect(hexDiff({ expected: '001234', got: 'ff92ff', mask: '007fff' })).toEqual([
    '0000  expected  .. 12 34',
    '      got       ff 92 ff',
    '                      ^^',
  ]);
});

test('of many rows eight are shown', () => {
  const lines = hexDiff({ expected: '00'.repeat(160), got: '01'.repeat(160) });
  expect(lines).toHaveLength(8 * 3 + 1);
  expect(lines.at(-1)).toBe('… and 2 more rows of 16 bytes differ');
});

test('long hex is cut', () => {
  expect(spacedHex('0102030405')).toBe('01020304 05');
  expect(spacedHex('00'.repeat(10), 4)).toBe('00000000 … (10 bytes)');
});
