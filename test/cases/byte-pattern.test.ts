import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, encodePattern, matchPattern, patternSize } from '../../src/cases/byte-pattern.js';
import { CaseError } from '../../src/cases/errors.js';
import { prngBytes, stampBytes } from '../../src/cases/generators.js';
import { LIMITS } from '../../src/cases/limits.js';
import type { ScopeValue } from '../../src/cases/types.js';
import { hex, scopeOf } from './support.js';

const scope = scopeOf({
  n: 3,
  'disk.blocks': 2048,
  'disk.block_size': 16,
  list: [1n, 2n, 3n],
  bytes: hex('aabb'),
  text: 'a5',
});
const CONTEXT = {
  readFile: (name: string) => {
    if (name !== 'two.bin') throw new CaseError('NOT_AVAILABLE', `no fixture ${name}`);
    return hex('cafe');
  },
};
const encode = (text: string) =>
  Buffer.from(encodePattern(compilePattern(text, { output: true, unit: 'disk' }), scope, CONTEXT)).toString(
    'hex',
  );
const match = (text: string, actual: string, poison?: string) =>
  matchPattern(compilePattern(text, { unit: 'disk' }), hex(actual), scope, {
    ...CONTEXT,
    ...(poison === undefined ? {} : { poison: hex(poison) }),
  });

describe('sent bytes', () => {
  test.each([
    ['00 01 ff', '0001ff'],
    ['0001ff', '0001ff'],
    ['ab*3', 'ababab'],
    ['0001*2 ff', '00010001ff'],
    ['00*{n}', '000000'],
    ['"AB" 20*2', '41422020'],
    ['b10000001', '81'],
    ['{n:u8}', '03'],
    ['{n:be16} {n:le16}', '00030300'],
    ['{disk.blocks - 1:be24}', '0007ff'],
    ['{0x1122334455667788:le64}', '8877665544332211'],
    ['{list:be16[3]}', '000100020003'],
    ['{n:u8[4]}', '03030303'],
    ['{bytes:bytes}', 'aabb'],
    ['{bytes:bytes}*2', 'aabbaabb'],
    ['{bytes:bytes[2]}', 'aabb'],
    ['a5*1b', 'a5'.repeat(16)],
    ['0102*{n - 2}b', '0102'.repeat(8)],
    ['file(two.bin)', 'cafe'],
    ['file(two.bin)*2', 'cafecafe'],
    ['{n:g32}', '03000000'],
    ['ff*0 01', '01'],
  ])('%s', (text, expected) => {
    expect(encode(text)).toBe(expected);
  });

  test('guest order may be big', () => {
    const bytes = encodePattern(compilePattern('{n:g32}', { output: true }), scope, { guestOrder: 'big' });
    expect(bytes).toEqual(hex('00000003'));
  });

  test('generators count bytes, or blocks of the unit', () => {
    const bytesOf = (text: string) =>
      encodePattern(compilePattern(text, { output: true, unit: 'disk' }), scope);
    expect(bytesOf('stamp(1, 5)')).toEqual(stampBytes(1n, 5n, 16, 16));
    expect(bytesOf('stamp(1, 5)*2b')).toEqual(stampBytes(1n, 5n, 16, 32));
    expect(bytesOf('stamp(1, 5)*7')).toEqual(stampBytes(1n, 5n, 16, 7));
    expect(bytesOf('prng(n)*{n}b')).toEqual(prngBytes(3n, 48));
  });

  test('a text that a name stands for is a pattern', () => {
    const texts = (name: string) => scope.get(name);
    const pattern = compilePattern('{text:bytes}*1b 00', { output: true, unit: 'disk', texts });
    expect(encodePattern(pattern, scope)).toEqual(hex(`${'a5'.repeat(16)}00`));
  });

  test('the same pattern means something else where its name does', () => {
    const items = (value: ScopeValue | undefined) =>
      compilePattern('{mutable:bytes}', { texts: () => value }).items.map(({ kind }) => kind);
    expect([items(undefined), items('00 ..'), items(hex('00'))]).toEqual([
      ['value'],
      ['alternatives'],
      ['value'],
    ]);
  });

  test.each<[string, CaseError['code'], RegExp]>([
    ['..', 'NOT_FOR_OUTPUT', /leaves bits open/],
    ['4.', 'NOT_FOR_OUTPUT', /leaves bits open/],
    ['b1......0', 'NOT_FOR_OUTPUT', /leaves a bit open/],
    ['(00|01)', 'NOT_FOR_OUTPUT', /alternatives/],
    ['untouched', 'NOT_FOR_OUTPUT', /untouched/],
    ['written', 'NOT_FOR_OUTPUT', /written/],
    ['{as x:u8}', 'NOT_FOR_OUTPUT', /captured/],
    ['{1..2:u8}', 'NOT_FOR_OUTPUT', /range/],
    ['any', 'NOT_FOR_OUTPUT', /any/],
    ['00*', 'NOT_FOR_OUTPUT', /no end/],
    ['{300:u8}', 'OUT_OF_RANGE', /300 does not fit u8/],
    ['{n - 4:u8}', 'OUT_OF_RANGE', /-1 does not fit/],
    ['{list:u8}', 'KIND_MISMATCH', /say how many/],
    ['{list:u8[2]}', 'LENGTH', /3 elements, not 2/],
    ['{bytes:bytes[3]}', 'LENGTH', /2 bytes/],
    ['{n:bytes}', 'KIND_MISMATCH', /no byte string/],
    ['{bytes:u8}', 'KIND_MISMATCH', /no number/],
    ['010203*1b', 'LENGTH', /not a multiple of the 3/],
    ['00*{n - 4}', 'OUT_OF_RANGE', /count/],
    ['00*{1 << 40}', 'LIMIT', /more than a buffer/],
    ['file(other)', 'NOT_AVAILABLE', /no fixture/],
  ])('refused: %s', (text, code, message) => {
    expect(() => encode(text)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });
});

describe('grammar', () => {
  test.each<[string, number, RegExp]>([
    ['', 1, /empty/],
    ['   ', 4, /empty/],
    ['00 .. 5 ..*', 7, /odd number of hex digits/],
    ['123', 1, /odd number/],
    ['zz', 1, /cannot read "zz"/],
    ['untuched', 1, /did you mean "untouched"/],
    ['{n}', 1, /needs an encoding, e\.g\. \{n:be32\}/],
    ['{n:be33}', 4, /no encoding "be33"; did you mean "be32"/],
    ['{n be32', 1, /not closed/],
    ['{n + :u8}', 5, /cannot read the expression/],
    ['00* 11', 5, /reaches to the end/],
    ['(00', 1, /not closed/],
    ['(00|)', 5, /empty/],
    ['(00|0102)', 1, /equal length, these have 1 and 2/],
    ['(00*|01*)', 5, /not possible in alternatives/],
    ['({as x:u8}|00)', 1, /nothing can be captured/],
    ['"abc', 1, /quote is not closed/],
    ['""', 1, /no bytes/],
    ['{as X:u8}', 2, /no name/],
    ['{as x:u8}*2', 10, /take a list/],
    ['{1..2:bytes}', 1, /numbers, not of bytes/],
    ['stamp(1)', 1, /two arguments/],
    ['prng(1, 2)', 1, /one argument/],
    ['file(../x)', 6, /no name of a fixture/],
    ['file(/etc/passwd)', 6, /no name of a fixture/],
    ['00)', 3, /cannot read "\)"/],
    ['00 | 01', 4, /cannot read/],
  ])('%s', (text, column, message) => {
    expect(() => compilePattern(text)).toThrow(
      expect.objectContaining({ column, message: expect.stringMatching(message) as string }),
    );
  });

  test('captures are known by name, in order', () => {
    expect(compilePattern('{as n:be16} {as list:u8[n]}').captures).toEqual(['n', 'list']);
  });

  test('constant patterns are folded', () => {
    expect(compilePattern('0. (00) ff*2').constant).toBeUndefined();
    expect(compilePattern('0. ff*2 b1.......').constant).toEqual({
      bytes: hex('00ffff80'),
      mask: hex('f0ffff80'),
    });
  });
});

describe('expected bytes', () => {
  test.each([
    ['00 01', '0001'],
    ['.. 4. .5 b1......0', '994f3580'],
    ['00 ..*', '00010203'],
    ['00 ..*', '00'],
    ['ff*', 'ffffff'],
    ['0102*', '01020102'],
    ['(7f|3f) ..*', '3f00'],
    ['(00|01)*3', '010001'],
    ['(0001|0100)*2 ff', '01000001ff'],
    ['{n:u8} {1..:be16}', '030001'],
    ['{..5:u8}', '05'],
    ['{n..n + 1:u8}', '04'],
    ['{1..3:u8[3]}', '010203'],
    ['{list:u8[3]}', '010203'],
    ['"AB" ..', '414200'],
    ['any', ''],
    ['file(two.bin) ..*', 'cafe00'],
    ['a5*1b', 'a5'.repeat(16)],
  ])('%s matches %s', (text, actual) => {
    expect(match(text, actual)).toMatchObject({ ok: true });
  });

  test.each<[string, string, number, RegExp]>([
    ['00 01', '0002', 1, /expected 01, got 02/],
    ['00 01', '00', 1, /more/],
    ['00 01', '000102', 2, /the end after 2 bytes, got 02/],
    ['4.', '5f', 0, /expected 4\., got 5f/],
    ['b1.......', '7f', 0, /expected b1\.\.\.\.\.\.\., got 7f/],
    ['0102*', '010201', 2, /whole groups of 2/],
    ['(7f|3f)', '1f', 0, /another of 2 alternatives/],
    ['{2..3:be16}', '0004', 0, /expected 2\.\.3 \(be16\), got 4 \(00 04\)/],
    ['{n:u8}', '04', 0, /expected 03 \(3, n:u8\), got 04/],
    ['{as k:be16} {as list:u8[k]}', 'ffff01', 3, /65535 bytes more/],
    ['00*{n} 01', '000002', 2, /got 02/],
  ])('%s does not match %s', (text, actual, firstDifference, reason) => {
    expect(match(text, actual)).toMatchObject({
      ok: false,
      firstDifference,
      reason: expect.stringMatching(reason) as string,
    });
  });

  test('captures', () => {
    const result = match('{as k:be16} {as list:u8[k]} {as rest:bytes}', '00020a0bffee');
    expect(result).toMatchObject({ ok: true });
    expect(Object.fromEntries(result.captures)).toEqual({ k: 2n, list: [10n, 11n], rest: hex('ffee') });
  });

  test('a report can show what was expected, which bits count and which bytes differ', () => {
    const result = match('00 4. ..*2 ff 01*2', '00510102fe0100');
    expect(result).toMatchObject({
      ok: false,
      firstDifference: 1,
      expected: hex('00400000ff0101'),
      mask: hex('fff00000ffffff'),
      differing: hex('00010000010001'),
      undecided: false,
    });
    expect(result.ok ? [] : result.differences).toHaveLength(3);
  });

  test('untouched bytes keep their poison', () => {
    expect(match('01 untouched*', '01aabb', '00aabb')).toMatchObject({ ok: true });
    expect(match('untouched', '99aabb', '99aabb')).toMatchObject({ ok: true });
    expect(match('untouched*2 ..', '99aabb', '9900bb')).toMatchObject({ ok: false, firstDifference: 1 });
    expect(() => match('untouched', '00')).toThrow(/filled beforehand/);
  });

  test('written bytes differ from their poison, and equal ones leave the question open', () => {
    expect(match('written*2 00', '010200', '0a0b00')).toMatchObject({ ok: true });
    expect(match('written', '0102', '0102')).toMatchObject({ ok: false, undecided: true });
    expect(match('written*2 ff', '010200', '010b00')).toMatchObject({ ok: false, undecided: false });
  });

  test('a list of absurd length ends the match instead of the process', () => {
    expect(match('{as k:be64} {as list:be64[k]}', 'ffffffffffffffff0000')).toMatchObject({ ok: false });
  });
});

describe('sizes', () => {
  test.each<[string, number | undefined]>([
    ['00 01', 2],
    ['00 ..*', 1],
    ['stamp(1, 5)*3b ..*', 48],
    ['stamp(1, 5)', 16],
    ['a5*{n}b (00|01)*2 {n:be32} {1..:le16[n]} {bytes:bytes} file(two.bin)', 48 + 2 + 4 + 6 + 2 + 2],
    ['untouched*4 {as x:be64}', 12],
    ['untouched', 0],
    ['{as k:u8} {as list:u8[k]}', undefined],
    ['any', undefined],
  ])('%s', (text, size) => {
    expect(patternSize(compilePattern(text, { unit: 'disk' }), scope, CONTEXT)).toBe(size);
  });
});

describe('limits', () => {
  test('length of a pattern', () => {
    expect(() => compilePattern('00'.repeat(LIMITS.patternLength))).toThrow(/characters/);
  });
  test('nesting of alternatives', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}00${')'.repeat(depth)}`;
    expect(compilePattern(nested(LIMITS.patternDepth)).items).toHaveLength(1);
    expect(() => compilePattern(nested(LIMITS.patternDepth + 1))).toThrow(/nest/);
    expect(() => compilePattern(nested(5000))).toThrow(CaseError);
  });
  test('a text that names itself', () => {
    const texts = () => '{loop:bytes}';
    expect(() => compilePattern('{loop:bytes}', { texts })).toThrow(/nest/);
  });
  test('counts', () => {
    expect(() => compilePattern('00*999999999999')).toThrow(expect.objectContaining({ code: 'LIMIT' }));
  });
  test('size of a buffer', () => {
    expect(() => encode(`00*${LIMITS.bufferBytes} 00*2`)).toThrow(expect.objectContaining({ code: 'LIMIT' }));
    expect(() => encode('00*60000000 01*60000000')).toThrow(/more than a buffer/);
  });
});

/** Patterns of bytes that can be sent, with what they stand for. */
const sendable = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 9 }))
    .map(([value, count]) => `{${value}:u8}*${count}`),
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: 0xffffn }),
      fc.constantFrom('be16', 'le16', 'be24', 'be32', 'le32', 'be64', 'le64', 'g16', 'g64'),
    )
    .map(([value, encoding]) => `{${value}:${encoding}}`),
  fc.constantFrom(
    '"text"',
    'b00110101',
    '{bytes:bytes}*2',
    '{list:be16[3]}',
    'stamp(1, n)',
    'prng(9)*5',
    'a5*1b',
  ),
);

test('what is sent matches its own pattern, and no longer when a bit is changed', () => {
  fc.assert(
    fc.property(fc.array(sendable, { minLength: 1, maxLength: 8 }), fc.nat(), (parts, place) => {
      const text = parts.join(' ');
      const bytes = encodePattern(compilePattern(text, { output: true, unit: 'disk' }), scope);
      const pattern = compilePattern(text, { unit: 'disk' });
      expect(matchPattern(pattern, bytes, scope)).toMatchObject({ ok: true });
      if (bytes.length === 0) return;
      const at = place % bytes.length;
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (place % 8));
      expect(matchPattern(pattern, changed, scope)).toMatchObject({ ok: false, firstDifference: at });
      expect(matchPattern(pattern, bytes.subarray(0, -1), scope)).toMatchObject({ ok: false });
    }),
  );
});

test('a capture inserted again gives the same bytes', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.constantFrom('be64', 'le64', 'g64'),
      (bytes, encoding) => {
        const { captures } = matchPattern(compilePattern(`{as x:${encoding}}`), bytes, scope);
        expect(encodePattern(compilePattern(`{x:${encoding}}`, { output: true }), captures)).toEqual(bytes);
      },
    ),
  );
});

test('nothing but a CaseError comes out of any text', () => {
  const pieces = fc.constantFrom(
    ...[
      '00',
      '4.',
      '..',
      '.',
      '*',
      '*3',
      '*{n}',
      'b',
      '(',
      ')',
      '|',
      '{',
      '}',
      ':',
      '"',
      'untouched',
      'written',
    ],
    ...[
      'stamp(',
      'prng(1)',
      'file(two.bin)',
      'as ',
      'n',
      'be16',
      'u8[',
      ']',
      '1..2',
      ' ',
      'any',
      'b0101010.',
    ],
  );
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(pieces, { maxLength: 20 }).map((list) => list.join('')),
  );
  fc.assert(
    fc.property(text, fc.uint8Array({ maxLength: 20 }), (source, actual) => {
      try {
        const pattern = compilePattern(source, { unit: 'disk' });
        matchPattern(pattern, actual, scope, { ...CONTEXT, poison: actual });
        encodePattern(compilePattern(source, { output: true, unit: 'disk' }), scope, CONTEXT);
      } catch (error) {
        expect(error).toBeInstanceOf(CaseError);
      }
    }),
    { numRuns: 3000 },
  );
});
