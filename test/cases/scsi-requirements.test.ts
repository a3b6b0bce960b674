/** The catalogue of the SCSI command sets: its form, and what its entries must agree on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { asRequirement, readScsiRequirements, SCSI_SOURCES } from '../../src/cases/scsi-requirements.js';
import { SPEC_CASES } from '../../src/run/package-info.js';
import { requirements } from '../../src/run/requirements.js';
import { scsiRequirements } from '../../src/run/scsi-catalogue.js';
import { COMMANDS } from '../../src/wire/scsi/commands.js';

const text = readFileSync(join(SPEC_CASES, 'scsi-requirements.yaml'), 'utf8');

test('the catalogue is read line by line as a YAML reader reads it', () => {
  expect([...scsiRequirements().values()]).toEqual(parse(text));
});

test('its ids are none of the other catalogue, and cases see both', () => {
  const all = requirements();
  expect(all.get('scsi.req.residual')).toMatchObject({ kind: 'format' });
  for (const id of scsiRequirements().keys()) expect(all.get(id)).toMatchObject({ id, role: 'device' });
});

test('commands are those of the command table, without a service action where all are meant', () => {
  const names = COMMANDS.map(({ name }) => name);
  for (const { id, commands } of scsiRequirements().values())
    for (const command of commands)
      expect(
        command === 'any' || names.some((name) => name === command || name.startsWith(`${command} / `)),
        `${id}: ${command}`,
      ).toBe(true);
});

test('no text of a standard is quoted, and no clause named', () => {
  for (const rule of scsiRequirements().values())
    expect(rule.text, rule.id).not.toMatch(/\bshall\b|clause|\b\d+\.\d+\.\d+|S[AP][MC]-\d [a-z]?\d/);
});

test('every source is used', () => {
  const used = new Set([...scsiRequirements().values()].flatMap(({ basis }) => basis));
  expect([...used].sort()).toEqual(Object.keys(SCSI_SOURCES).sort());
});

describe('an entry', () => {
  const entry = {
    id: 'spc.a.b',
    commands: ['INQUIRY'],
    strength: 'MUST',
    basis: ['qemu', 'lio'],
    agreement: 'agree',
    text: 'What must hold.',
  };
  const read = (change: object) => readScsiRequirements(JSON.stringify([{ ...entry, ...change }]));
  test('is complete', () => {
    expect(read({}).get('spc.a.b')).toEqual(entry);
  });
  test.each([
    [{ id: 'scsi.a.b' }, 'an id such as'],
    [{ commands: [] }, 'commands'],
    [{ strength: 'OUGHT' }, 'one of MUST'],
    [{ strength: 'INFO' }, 'one of MUST'],
    [{ basis: [] }, 'a basis'],
    [{ basis: ['qemu', 'hearsay'] }, 'not hearsay'],
    [{ agreement: 'perhaps' }, 'one of agree, single, differs'],
    [{ basis: ['qemu'] }, '"single" is for the sources of one project'],
    // Two of one author are one opinion.
    [{ basis: ['scsi_debug', 'sg3_utils'] }, '"single" is for the sources of one project'],
    [{ agreement: 'single' }, '"single" is for the sources of one project'],
    [{ text: '' }, 'the rule as text'],
  ])('is refused with %j', (change, message) => {
    expect(() => read(change)).toThrow(message);
  });
  test('comes once', () => {
    expect(() => readScsiRequirements(JSON.stringify([entry, entry]))).toThrow('spc.a.b comes twice');
  });
  test('of one source alone is inferred', () => {
    const [single, agreed] = [{ basis: ['qemu'], agreement: 'single' }, {}].map((change) =>
      [...read(change).values()].map(asRequirement),
    );
    expect(single).toEqual([
      { id: 'spc.a.b', strength: 'MUST', kind: 'inferred', singleSource: true, role: 'device', since: '1.0' },
    ]);
    expect(agreed).toMatchObject([{ kind: 'normative' }]);
  });
});
