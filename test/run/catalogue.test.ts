import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { catalogue, readCatalogue } from '../../src/run/catalogue.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import { scsiRequirements } from '../../src/run/scsi-catalogue.js';

const KEYS = ['id', 'area', 'strength', 'section', 'text'] as const;

test('the catalogue of the suite is read as a YAML reader reads it', () => {
  const entries = parse(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')) as Record<
    string,
    string
  >[];
  const ofVirtio = [...catalogue().values()].filter(({ id }) => !scsiRequirements().has(id));
  expect(ofVirtio).toEqual(entries.map((entry) => Object.fromEntries(KEYS.map((key) => [key, entry[key]]))));
});

test('what the command sets ask is told with the commands that it is about, and what it rests on', () => {
  expect(catalogue().get('spc.inquiry.header')).toMatchObject({
    area: 'spc',
    strength: 'MUST',
    section: expect.stringMatching(/^INQUIRY; .*qemu/),
  });
  expect(catalogue().get('sam.lun.incorrect-no-data')?.section).toBe('every command; only qemu');
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
