/** The published JSON Schemas: each has a name, explains every key, and agrees with what reads the files. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { KnownListError, loadKnownList } from '../../src/run/known.js';
import { Reader, ROOT } from './reader.js';

const SCHEMAS = [
  'spec-cases/case-file.schema.json',
  'fixtures/profiles/dut-profile.schema.json',
  'fixtures/known/known.schema.json',
  'fixtures/playlists/playlist.schema.json',
  'src/report/results.schema.json',
  'src/report/events.schema.json',
  'src/report/trace.schema.json',
];

type Schema = { readonly [key: string]: unknown };
const schemaOf = (path: string): Schema => JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as Schema;
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null;

/** What a reference leads to, in its own file or in one beside it. */
function target(reference: string, root: Schema): { readonly schema: unknown; readonly root: Schema } {
  const [file = '', pointer = ''] = reference.split('#');
  const within = file === '' ? root : schemaOf(`src/report/${file}`);
  const schema = pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (isSchema(at) ? at[key] : undefined), within);
  return { schema, root: within };
}

/** Whether an editor has something to show for a key: its own description, or that of what it refers to. */
function isDescribed(schema: unknown, root: Schema): boolean {
  if (!isSchema(schema)) return false;
  if (typeof schema.description === 'string' && schema.description !== '') return true;
  if (typeof schema.$ref !== 'string') return false;
  const referred = target(schema.$ref, root);
  return isDescribed(referred.schema, referred.root);
}

/** Keys without a description, by their paths. Conditions (`if`) name keys to ask for them, not to explain them. */
function unexplained(schema: unknown, root: Schema, path = ''): string[] {
  if (!isSchema(schema)) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    if (key === 'if' || !isSchema(value)) return [];
    if (key !== 'properties') return unexplained(value, root, `${path}/${key}`);
    return Object.entries(value).flatMap(([name, each]) => [
      ...(isDescribed(each, root) ? [] : [`${path}/${name}`]),
      ...unexplained(each, root, `${path}/${name}`),
    ]);
  });
}

test.each(SCHEMAS)('%s has an id and a description of every key', (path) => {
  const schema = schemaOf(path);
  expect(schema.$id).toBe(`vscsi:/${basename(path)}`);
  expect(unexplained(schema, schema)).toEqual([]);
});

test('a key without a description is found, wherever it is', () => {
  const schema = {
    properties: {
      a: { description: 'A key.' },
      b: { $ref: '#/definitions/b' },
      c: { items: { properties: { d: {} } } },
    },
    definitions: { b: { type: 'string' } },
  };
  expect(unexplained(schema, schema)).toEqual(['/b', '/c', '/c/items/d']);
});

describe('lists of known deviations', () => {
  let reader: Reader | undefined;
  afterEach(() => {
    reader?.dispose();
    reader = undefined;
  });
  const validate = new Ajv({ allowUnionTypes: true }).compile(schemaOf('fixtures/known/known.schema.json'));
  const folder = join(ROOT, 'fixtures/known');
  const lists = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

  test.each(lists)('the schema admits %s', (name) => {
    validate(parse(readFileSync(join(folder, name), 'utf8')));
    expect(validate.errors ?? []).toEqual([]);
  });

  const entry = { id: 'a.b', from: '1', to: '2', reason: 'r', clause: 'c', observed: 'o' };
  test.each<readonly [boolean, object]>([
    [true, entry],
    [true, { ...entry, id: ['a.b', 'a.c'], sometimes: true, fatal: true, modes: ['mmio.*'] }],
    [
      true,
      { ...entry, link: 'https://example.org/1', verdict: 'hang', bytes: '0a0b', expires: '2027-03-31' },
    ],
    [false, { ...entry, id: [] }],
    [false, { ...entry, reason: ' ' }],
    [false, { ...entry, from: 1 }],
    [false, { ...entry, clause: undefined }],
    [false, { ...entry, link: 'bug 1' }],
    [false, { ...entry, verdict: 'pass' }],
    [false, { ...entry, bytes: '0A' }],
    [false, { ...entry, expires: 'soon' }],
    [false, { ...entry, sometimes: false }],
    [false, { ...entry, modes: 'mmio.*' }],
    [false, { ...entry, expiry: '2027-03-31' }],
  ])('schema and loader agree: %s for %j', (fine, each) => {
    const text = JSON.stringify({ dut: 'model', deviations: [each] });
    reader = new Reader();
    const file = join(reader.folder, 'known.yaml');
    writeFileSync(file, text);
    expect(validate(JSON.parse(text))).toBe(fine);
    if (fine) expect(loadKnownList(file).deviations.length).toBeGreaterThan(0);
    else expect(() => loadKnownList(file)).toThrow(KnownListError);
  });
});
