/** States of requirements, from a small hand-made catalogue; the tables and the document made of them. */
import { describe, expect, test } from 'vitest';
import type { ScsiRequirement } from '../../src/cases/scsi-requirements.js';
import type { CatalogueEntry } from '../../src/coverage/catalogue.js';
import { type CoverageInput, computeCoverage, computeScsi } from '../../src/coverage/coverage.js';
import { areaRows, coverageText } from '../../src/coverage/coverage-table.js';
import { MarkersError, withGeneratedPart } from '../../src/coverage/generated-part.js';
import type { Evidence } from '../../src/coverage/mutation-evidence.js';
import { parseReasons } from '../../src/coverage/reasons.js';
import { staleEvidence } from '../../src/coverage/staleness.js';
import type { Witnesses } from '../../src/coverage/witnesses.js';

const entry = (id: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  id,
  section: 's',
  label: 'sec:s',
  strength: 'MUST',
  kind: 'normative',
  role: 'device',
  area: 'one',
  since: '1.0',
  text: 't',
  testable: 'yes',
  how: 'look',
  ...more,
});

const evidence: Evidence = {
  schemaVersion: 1,
  seed: 1,
  cases: { 'case.proved': ['m.one'], 'case.proved-too': ['m.one'], 'case.unproved': [] },
  skipped: ['case.elsewhere'],
  red: [],
  standing: { 'check-proved': ['m.two'], 'check-unproved': [] },
  mutants: {
    'm.one': { verdict: 'caught', own: 2, other: 0 },
    'm.two': { verdict: 'standing', own: 0, other: 0 },
    'm.three': { verdict: 'survived', own: 0, other: 0 },
  },
};

const witnesses: Witnesses = {
  schemaVersion: 1,
  devices: { 'qemu 7': { name: 'qemu', version: '7' } },
  cases: { 'case.proved': ['qemu 7'], 'case.unproved': ['qemu 7'] },
  standing: { 'check-proved': ['qemu 7'] },
};

const input: CoverageInput = {
  catalogue: [
    entry('a.seen'),
    entry('a.model'),
    entry('a.unproved'),
    entry('a.elsewhere'),
    entry('a.nobody', { area: 'two' }),
    entry('a.reasoned', { area: 'two' }),
    entry('a.untestable', { area: 'two', testable: 'no', how: 'nothing to see' }),
    entry('a.standing', { area: 'two' }),
    entry('a.standing-unproved', { area: 'two' }),
    entry('a.driver', { role: 'driver', testable: 'no' }),
    entry('a.covered-after-all', { testable: 'no' }),
  ],
  cases: [
    { id: 'case.proved', covers: ['a.seen', 'a.covered-after-all', 'spc.inquiry.a'] },
    { id: 'case.proved-too', covers: ['a.seen', 'a.model'] },
    { id: 'case.unproved', covers: ['a.unproved', 'a.seen', 'sbc.read.a'] },
    { id: 'case.elsewhere', covers: ['a.elsewhere'] },
  ],
  standing: {
    'check-proved': { requirement: 'a.standing' },
    'check-unproved': { requirement: 'a.standing-unproved' },
  },
  evidence,
  witnesses,
  reasons: new Map([
    ['a.reasoned', 'for a reason'],
    ['a.seen', 'a reason that no longer counts'],
  ]),
};

const states = computeCoverage(input);
const stateOf = (id: string) => states.find((each) => each.id === id);

describe('states', () => {
  test.each([
    ['a.seen', 'witnessed'],
    ['a.model', 'model-only'],
    // That it passes on a foreign device does not make up for never having been seen to fail.
    ['a.unproved', 'open'],
    ['a.elsewhere', 'open'],
    ['a.nobody', 'open'],
    ['a.reasoned', 'reasoned'],
    ['a.untestable', 'untestable'],
    ['a.standing', 'witnessed'],
    ['a.standing-unproved', 'open'],
    ['a.driver', 'untestable'],
    ['a.covered-after-all', 'witnessed'],
  ])('%s is %s', (id, state) => {
    expect(stateOf(id)?.state).toBe(state);
  });

  test('cases, witnesses and reasons go with them', () => {
    expect(stateOf('a.seen')).toEqual({
      id: 'a.seen',
      area: 'one',
      role: 'device',
      strength: 'MUST',
      testable: 'yes',
      state: 'witnessed',
      cases: ['case.proved', 'case.proved-too'],
      standing: [],
      unproved: ['case.unproved'],
      witnesses: ['qemu 7'],
    });
    expect(stateOf('a.standing')).toMatchObject({ cases: [], standing: ['check-proved'], unproved: [] });
    expect(stateOf('a.reasoned')?.reason).toBe('for a reason');
    expect(stateOf('a.untestable')?.reason).toBe('nothing to see');
  });
});

const rule = (id: string, agreement: ScsiRequirement['agreement'] = 'agree'): ScsiRequirement => ({
  id,
  commands: ['INQUIRY'],
  strength: 'MUST',
  basis: ['qemu'],
  agreement,
  text: 't',
});
const scsi = computeScsi({ ...input, reasons: new Map([['sbc.read.b', 'for a reason']]) }, [
  rule('spc.inquiry.a'),
  rule('sbc.read.a', 'single'),
  rule('sbc.read.b'),
]);

test('rules of the command sets have states of their own, and leave those of virtio alone', () => {
  expect(scsi.map(({ id, commandSet, state, reason }) => [id, commandSet, state, reason])).toEqual([
    ['spc.inquiry.a', 'spc', 'witnessed', undefined],
    ['sbc.read.a', 'sbc', 'open', undefined],
    ['sbc.read.b', 'sbc', 'reasoned', 'for a reason'],
  ]);
  expect(states.some(({ id }) => id.startsWith('spc.'))).toBe(false);
});

test('rows add up', () => {
  const rows = areaRows(states);
  expect(rows.map(({ area }) => area)).toEqual(['one', 'two', 'all']);
  for (const row of rows) {
    expect(row.covered).toBe(row.witnessed + row['model-only']);
    expect(row.total).toBe(row.covered + row.reasoned + row.untestable + row.open);
  }
  expect(rows[2]).toMatchObject({
    total: 11,
    witnessed: 3,
    'model-only': 1,
    reasoned: 1,
    untestable: 2,
    open: 4,
  });
});

test('the text has a table for each role, and sums up mutants and witnesses', () => {
  const text = coverageText(states, scsi, evidence, witnesses);
  expect(text).toContain(
    '| area | total | covered | witnessed | model-only | reasoned | untestable | open |',
  );
  expect(text).toContain(
    '| all  |    10 |       4 |         3 |          1 |        1 |          1 |    4 |',
  );
  expect(text).toContain(
    '| all  |     1 |       0 |         0 |          0 |        0 |          1 |    0 |',
  );
  expect(text).toContain(
    '| command set | rules | of one source | covered | witnessed | model-only | reasoned | open |',
  );
  expect(text).toContain(
    '| sbc         |     2 |             1 |       0 |         0 |          0 |        1 |    1 |',
  );
  expect(text).toMatch(/Mutants: 3, of which 1 are caught .* 1 are not noticed/);
  expect(text).toMatch(/Of 3 cases on the model 2 are proved/);
  expect(text).toContain('Witnesses: qemu 7.');
});

describe('the generated part', () => {
  const [begin, end] = [
    '<!-- begin of the part written by: vscsi coverage --write -->',
    '<!-- end of the part written by: vscsi coverage --write -->',
  ];
  test('is replaced, and nothing else', () => {
    const document = `# Title\n\n${begin}\nold\n${end}\n\n## More\n`;
    const once = withGeneratedPart(document, 'new\n');
    expect(once).toBe(`# Title\n\n${begin}\n\nnew\n\n${end}\n\n## More\n`);
    expect(withGeneratedPart(once, 'new\n')).toBe(once);
  });
  test.each(['', begin, `${end}${begin}`, `${begin}${begin}${end}`, `${begin}${end}${end}`])(
    'needs both markers once: %j',
    (document) => {
      expect(() => withGeneratedPart(document, 'new')).toThrow(MarkersError);
    },
  );
});

test('reasons are by id, and no id has two', () => {
  expect(parseReasons('- {reason: r, ids: [a, b]}\n- {reason: s, ids: [c]}\n')).toEqual(
    new Map([
      ['a', 'r'],
      ['b', 'r'],
      ['c', 's'],
    ]),
  );
  expect(parseReasons('# none yet\n').size).toBe(0);
  expect(() => parseReasons('- {reason: r, ids: [a]}\n- {reason: s, ids: [a]}\n')).toThrow(
    /a has two reasons/,
  );
});

test('evidence about other cases or mutants than there are is stale', () => {
  const cases = ['case.proved', 'case.proved-too', 'case.unproved', 'case.elsewhere'];
  expect(staleEvidence(evidence, cases, Object.keys(evidence.mutants))).toEqual([]);
  expect(staleEvidence(evidence, [...cases.slice(1), 'case.new'], ['m.one', 'm.two', 'm.new'])).toEqual([
    'case case.new is not in the evidence',
    'the evidence is about case case.proved, which is gone',
    'mutant m.new is not in the evidence',
    'the evidence is about mutant m.three, which is gone',
  ]);
});
