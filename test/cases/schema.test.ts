import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { caseFileSchema, schemaText } from '../../src/cases/schema.js';
import { QUALIFIERS, STEP_KINDS } from '../../src/cases/vocabulary.js';
import { COMMANDS } from '../../src/wire/scsi/commands.js';
import { caseFile, fixtures } from './support.js';

const stored = new URL('../../spec-cases/case-file.schema.json', import.meta.url);

test('the stored schema is what the tables give; if not, run "npm run schema"', () => {
  expect(readFileSync(stored, 'utf8') === schemaText()).toBe(true);
});

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true });

test('it is a schema itself', () => {
  expect(ajv.validateSchema(caseFileSchema())).toBe(true);
});

const validate = ajv.compile(caseFileSchema());

test.each(fixtures('examples'))('$file is valid', ({ text }) => {
  validate(parse(text));
  expect(validate.errors ?? []).toEqual([]);
});

describe('editors', () => {
  const valid = (steps: string) => validate(parse(caseFile(steps)));

  test('every key of a step is listed in one place, with a description or a reference', () => {
    const { step } = (caseFileSchema() as { $defs: { step: { properties: Record<string, object> } } }).$defs;
    const keys = new Set([...STEP_KINDS, ...Object.values(QUALIFIERS).flat(), 'when', 'note']);
    expect(Object.keys(step.properties).sort()).toEqual([...keys].sort());
  });

  test('the fields of a CDB follow from its name', () => {
    for (const { name, fields } of COMMANDS) {
      if (name.includes(' / ')) continue;
      const own = Object.keys(fields).map((field) => `"${field}": 0`);
      expect([name, valid(`- command: {lun: disk, cdb: {op: "${name}", ${own.join(', ')}}}`)]).toEqual([
        name,
        true,
      ]);
      expect([name, valid(`- command: {lun: disk, cdb: {op: "${name}", no_such_field: 0}}`)]).toEqual([
        name,
        false,
      ]);
    }
    expect(valid('- command: {lun: disk, cdb: {op: PERSISTENT RESERVE OUT, action: CLEAR, scope: 0}}')).toBe(
      true,
    );
    expect(valid('- command: {lun: disk, cdb: {op: PERSISTENT RESERVE OUT, action: CLAER}}')).toBe(false);
    expect(valid('- command: {lun: disk, cdb: {op: =op, lba: 0}}')).toBe(true);
  });

  test('each kind takes its qualifiers and no others', () => {
    expect(valid('- quiet: 5ms\n  retry: 3')).toBe(false);
    expect(valid('- quiet: 5ms\n  when: disk.blocks > 1')).toBe(true);
    expect(valid('- check: disk.blocks > 1\n  because: It must')).toBe(true);
  });
});
