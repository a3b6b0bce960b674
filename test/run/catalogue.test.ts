import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { catalogue, readCatalogue } from '../../src/run/catalogue.js';
import { SPEC_CASES } from '../../src/run/package-info.js';

const KEYS = ['id', 'area', 'strength', 'section', 'text'] as const;

test('the catalogue of the suite is read as a YAML reader reads it', () => {
  const entries = parse(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')) as Record<
    string,
    string
  >[];
  expect([...catalogue().values()]).toEqual(
    entries.map((entry) => Object.fromEntries(KEYS.map((key) => [key, entry[key]]))),
  );
});

test.each([
  ['folded', '- id: a\n  area: b\n  strength: MUST\n  section: c\n  text: >-\n    one\n    two\n', 'one two'],
  ['single quotes', "- id: a\n  area: b\n  strength: MUST\n  section: c\n  text: 'it''s'\n", "it's"],
  ['a comment', '- id: a\n  area: b\n  strength: MUST\n  section: c\n  text: word # why\n', 'word'],
  ['escapes', '- id: a\n  area: b\n  strength: MUST\n  section: c\n  text: "a \\"b\\""\n', 'a "b"'],
])('a text with %s', (_, yaml, text) => {
  expect(readCatalogue(yaml).get('a')?.text).toBe(text);
});

test('what is missing is named', () => {
  expect(() => readCatalogue('- id: a\n  area: b\n  strength: MUST\n  section: c\n')).toThrow(
    'requirements: a lacks text',
  );
});
