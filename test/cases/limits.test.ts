/** Bounds against hostile files. Those of expressions and byte patterns are tested with them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/cases/limits.js';
import { CaseLoader } from '../../src/cases/load.js';
import { caseFile, expand, fixtures, problemsOf } from './support.js';

const TUR = '- command: {lun: disk, cdb: TEST UNIT READY}';
const first = (text: string) => problemsOf(text)[0];

describe('files', () => {
  test('size', () => {
    const padded = (bytes: number) => `${caseFile(TUR)}#${'x'.repeat(bytes)}`;
    expect(problemsOf(padded(1000))).toEqual([]);
    expect(first(padded(LIMITS.fileBytes))).toMatch(/^limit 1:1 the file has \d+ bytes/);
  });

  test.each([
    ['flow lists', '['.repeat(300_000)],
    ['closed flow lists', `a: ${'['.repeat(40)}${']'.repeat(40)}`],
    ['flow maps', '{a: '.repeat(200_000)],
    ['closed flow maps', `a: ${'{a: '.repeat(40)}1${'}'.repeat(40)}`],
    ['block lists', `${'- '.repeat(100_000)}1`],
    ['block maps', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['an explicit key in a key', '? '.repeat(50_000)],
  ])('nesting of %s', (_, text) => {
    const start = performance.now();
    expect(problemsOf(text)).toHaveLength(1);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test('aliases never multiply', () => {
    const levels = Array.from(
      { length: 20 },
      (_, level) =>
        `  a${level}: &a${level} [${
          level === 0
            ? '1'
            : Array(9)
                .fill(`*a${level - 1}`)
                .join(', ')
        }]`,
    );
    expect(first(`let:\n${levels.join('\n')}\n`)).toMatch(/anchors and aliases/);
  });

  test('number of cases', () => {
    const one = caseFile(TUR);
    const head = one.slice(0, one.indexOf('  - id:'));
    const body = one.slice(one.indexOf('  - id:'));
    const cases = Array.from({ length: LIMITS.casesPerFile + 1 }, (_, index) =>
      body.replace('test.one', `test.n${index}`),
    );
    expect(problemsOf(head + cases.join(''))).toEqual([
      'limit 3:8 a file has at most 1000 cases, this one 1001'.replace('3:8', '4:3'),
    ]);
  });
});

describe('repetition', () => {
  const nested = (depth: number, axis: string): string =>
    depth === 0
      ? '- command: {lun: disk, cdb: TEST UNIT READY}'
      : `- repeat: {n${depth}: ${axis}}\n  steps:\n${nested(depth - 1, axis).replace(/^/gm, '    ')}`;

  test('nesting of repeat', () => {
    expect(problemsOf(caseFile(nested(LIMITS.repeatDepth, '1..2')))).toEqual([]);
    expect(first(caseFile(nested(LIMITS.repeatDepth + 1, '1..2')))).toMatch(/^limit .* nests at most 6 deep/);
  });

  test('rounds', () => {
    expect(problemsOf(caseFile(nested(1, `1..${LIMITS.rounds}`)))).toEqual([]);
    expect(first(caseFile(nested(1, `0..${LIMITS.rounds}`)))).toMatch(/^limit .* 70001 values/);
  });

  test('bodies of repeats over texts, which multiply', () => {
    const texts = (count: number) =>
      `[${Array.from({ length: count }, (_, index) => `t${index}`).join(', ')}]`;
    expect(first(caseFile(nested(1, texts(LIMITS.variants + 1))))).toMatch(/^limit .* at most 1024/);
    const start = performance.now();
    expect(first(caseFile(nested(5, texts(30))))).toMatch(/^limit .* more than 20000 steps/);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test('expansion', () => {
    const axes = (last: number) => caseFile(TUR, `needs: [disk]\neach: {a: 0..63, b: 0..${last}}`);
    expect(expand(axes(63)).cases).toHaveLength(LIMITS.expansion);
    expect(expand(axes(64)).problems).toHaveLength(1);
  });

  test('texts of an axis', () => {
    const texts = Array.from({ length: LIMITS.expansion + 1 }, (_, index) => `t${index}`).join(', ');
    expect(first(caseFile(TUR, `needs: [disk]\neach: {a: [${texts}]}`))).toMatch(/^limit .* at most 4096/);
  });
});

test('sizes of buffers', () => {
  const size = (bytes: number) => caseFile(`- command: {lun: disk, cdb: INQUIRY, data_in: ${bytes}}`);
  expect(problemsOf(size(LIMITS.bufferBytes))).toEqual([]);
  expect(first(size(LIMITS.bufferBytes + 1))).toMatch(/^limit /);
});

test('durations', () => {
  expect(problemsOf(caseFile('- quiet: 600s'))).toEqual([]);
  expect(first(caseFile('- quiet: 601s'))).toMatch(/^limit .* longer than 600s/);
});

test('indirect tables in tables', () => {
  const nested = (depth: number): string => (depth === 0 ? '{in: 4}' : `{table: [${nested(depth - 1)}]}`);
  expect(problemsOf(caseFile(`- chain: [${nested(4)}]\n  queue: request`))).toEqual([]);
  expect(first(caseFile(`- chain: [${nested(6)}]\n  queue: request`))).toMatch(/^limit .* nest at most 4/);
});

test('whatever is done to a file, loading it never throws', () => {
  const loader = new CaseLoader();
  const texts = fixtures('examples').map(({ text }) => text);
  const pieces = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '- ',
      '\n',
      '  ',
      '"',
      "'",
      '=',
      '*',
      '&a ',
      '*a',
      '!!',
      '0',
      '..',
      'null',
      '~',
      '#',
    ],
    ...[
      'steps: 5',
      'each: [1]',
      'expect: null',
      'cdb: [1]',
      'lun: 3',
      'as: [x]',
      'let: 1',
      '? a',
      '1.5',
      '0x',
      '<<: 1',
    ],
  );
  const mutation = fc.record({
    file: fc.nat(),
    edits: fc.array(fc.record({ at: fc.nat(), drop: fc.nat(40), insert: pieces }), {
      minLength: 1,
      maxLength: 4,
    }),
  });
  fc.assert(
    fc.property(mutation, ({ file, edits }) => {
      let text = texts[file % texts.length] ?? '';
      for (const { at, drop, insert } of edits) {
        const start = at % text.length;
        text = text.slice(0, start) + insert + text.slice(start + drop);
      }
      const result = loader.load('mutated.yaml', text);
      expect(result.file === undefined).toBe(result.problems.length > 0);
      for (const { line, column, message } of result.problems) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
        expect(message).not.toBe('');
      }
    }),
    { numRuns: 400 },
  );
});
