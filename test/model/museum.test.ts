/** The museum: every bug of a real device has a mutant that repeats it, or a reason why there is none. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { MUTANTS } from '../../src/model/mutants/index.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';

interface Entry {
  readonly id: string;
  readonly mutant?: string;
  readonly left?: { readonly kind: string; readonly reason: string };
}

const TEXT = { type: 'string', minLength: 4 } as const;
const SCHEMA = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      id: { type: 'string', pattern: '^[A-Z]{3}-[0-9]{2}-[a-z0-9-]+$' },
      implementation: TEXT,
      affected: { type: 'string', minLength: 3 },
      source: TEXT,
      broken: TEXT,
      right: TEXT,
      mutant: { type: 'string' },
      left: {
        type: 'object',
        properties: {
          kind: { enum: ['host', 'initiators', 'size', 'units', 'permitted', 'rules'] },
          reason: { type: 'string', minLength: 30 },
        },
        required: ['kind', 'reason'],
        additionalProperties: false,
      },
    },
    required: ['id', 'implementation', 'affected', 'source', 'broken', 'right'],
    oneOf: [{ required: ['mutant'] }, { required: ['left'] }],
    additionalProperties: false,
  },
} as const;

const entries: readonly Entry[] = parse(readFileSync('fixtures/museum.yaml', 'utf8'));
const ids = entries.map(({ id }) => id);
const sources = new Map(MUTANTS.map(({ id, source }) => [id, source]));

test('every entry has its form, and either a mutant or a reason', () => {
  const ajv = new Ajv({ allErrors: true, strictRequired: false });
  expect(ajv.validate(SCHEMA, entries), ajv.errorsText()).toBe(true);
  const [first] = entries;
  expect(ajv.validate(SCHEMA, [{ ...first, left: { kind: 'host', reason: 'x'.repeat(30) } }])).toBe(false);
  const { mutant: _, ...without } = first as Entry;
  expect(ajv.validate(SCHEMA, [without])).toBe(false);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the mutant of an entry is called after it', () => {
  for (const { id, mutant } of entries) {
    if (mutant === undefined) continue;
    expect(mutant).toBe(`museum.${id.toLowerCase()}`);
    expect(sources.get(mutant), mutant).toBe(`museum ${id}`);
  }
});

test('every mutant of the museum has an entry, and so has every bug that a mutant or a case names', () => {
  const shown = entries.flatMap(({ mutant }) => mutant ?? []);
  expect([...sources.keys()].filter((id) => id.startsWith('museum.')).sort()).toEqual([...shown].sort());
  const named = [...sources.values()].flatMap((source) => source.match(/^museum (.+)/)?.[1] ?? []);
  expect(named.filter((id) => !ids.includes(id))).toEqual([]);
  const ofCases = checkCaseFiles([SPEC_CASES]).files.flatMap(({ cases }) =>
    cases.flatMap(({ museum }) => museum),
  );
  expect(ofCases).not.toEqual([]);
  expect(ofCases.filter((id) => !ids.includes(id))).toEqual([]);
});
