import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareVersions, gate, heldBack, type KnownList, loadKnownList } from '../../src/run/known.js';
import { judgeStanding, type RunResults, summarise, type Verdict, verdictOf } from '../../src/run/results.js';
import { caseResults } from './case-results.js';

function results(
  verdicts: Readonly<Record<string, Verdict>>,
  usedLengthViolations = 0,
  version = '7.2.22',
): RunResults {
  const cases = caseResults(verdicts);
  return {
    schemaVersion: 1,
    suite: { version: '0', caseSetHash: '' },
    environment: { node: '', platform: '', date: '' },
    dut: { name: 'qemu', version, features: [], details: {} },
    seed: 1,
    strict: false,
    spec: '1.4',
    interrupted: false,
    summary: summarise(cases),
    standing: judgeStanding([
      {
        check: 'used-length',
        requirement: 'r',
        severity: 'fail',
        violations: usedLengthViolations,
        exchanges: 9,
      },
      { check: 'used-length-gap', requirement: 'r', severity: 'warn', violations: 9, exchanges: 9 },
    ]),
    cases,
  };
}

const list = (...ids: string[]): KnownList => ({
  file: 'known.yaml',
  dut: 'qemu',
  deviations: ids.map((id) => ({ id, from: '7.2.0', to: '7.2.99', reason: 'r', clause: 'c', observed: 'o' })),
});

describe('the gate', () => {
  test('a red case that nobody listed is unexpected, whatever its kind of red', () => {
    for (const verdict of ['fail', 'crash', 'hang', 'error'] as const)
      expect(
        gate(results({ a: verdict, b: 'pass', c: 'warn', d: 'note', e: 'skip' }), undefined, true),
      ).toEqual({
        known: [],
        deviations: 0,
        unexpected: ['a'],
        stale: [],
        remarks: [],
      });
  });

  test('a listed one is known, and so is a listed standing row; a warning row needs no list', () => {
    expect(gate(results({ a: 'fail' }, 3), list('a', 'standing:used-length'), true)).toEqual({
      known: ['a', 'standing:used-length'],
      deviations: 2,
      unexpected: [],
      stale: [],
      remarks: [],
    });
  });

  test('a listed one that passes is stale', () => {
    expect(gate(results({ a: 'pass' }), list('a', 'standing:used-length'), true).stale).toEqual([
      'a',
      'standing:used-length',
    ]);
  });

  test('a listed one that no case is called is stale in a complete run, and nobody minds in a selection', () => {
    expect(gate(results({ b: 'pass' }), list('a'), true).stale).toEqual(['a']);
    expect(gate(results({ b: 'pass' }), list('a'), false).stale).toEqual([]);
  });

  test('the expansions of a case that was skipped as a whole are not missed', () => {
    expect(gate(results({ a: 'skip' }), list('a[1]', 'b[1]'), true).stale).toEqual(['b[1]']);
  });

  test('an entry about modes in which its case did not run is not missed, for its expansions may differ there', () => {
    const about = (id: string, mode: string): KnownList => ({
      ...list(),
      deviations: list(id).deviations.map((deviation) => ({ ...deviation, modes: [mode] })),
    });
    const ran = results({ 'a[256]': 'pass' });
    expect(gate(ran, about('a[1024]', 'mmio.*'), true).stale).toEqual([]);
    expect(gate(ran, about('a[1024]', 'pci.*'), true).stale).toEqual(['a[1024]']);
    expect(gate(ran, about('misnamed', 'mmio.*'), true).stale).toEqual(['misnamed']);
  });

  test('an entry may be about some modes: it explains nothing in others, and is stale where it passes in all of its own', () => {
    const known = list('a');
    const packed: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, modes: ['pci.packed*'] })),
    };
    const inModes = (...verdicts: readonly (readonly [string, Verdict])[]): RunResults => ({
      ...results({}),
      cases: verdicts.map(([mode, verdict]) => ({
        id: 'a',
        title: '',
        mode,
        verdict,
        durationMs: 0,
        findings: [],
      })),
    });
    expect(gate(inModes(['pci.split', 'pass'], ['pci.packed', 'fail']), packed, true)).toMatchObject({
      known: ['a in pci.packed'],
      deviations: 1,
      unexpected: [],
      stale: [],
    });
    expect(
      gate(
        inModes(['pci.split', 'fail'], ['pci.packed', 'fail'], ['pci.packed+indirect', 'pass']),
        packed,
        true,
      ),
    ).toMatchObject({ known: ['a in pci.packed'], unexpected: ['a'], stale: [] });
    expect(gate(inModes(['pci.packed', 'pass']), packed, true).stale).toEqual(['a']);
    expect(gate(inModes(['pci.split', 'pass']), packed, true).stale).toEqual([]);
  });

  test('what depends on timing explains a red result, and is not stale where there is none', () => {
    const known = list('a');
    const sometimes: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, sometimes: true })),
    };
    expect(gate(results({ a: 'fail' }), sometimes, true)).toMatchObject({ known: ['a'], stale: [] });
    expect(gate(results({ a: 'pass' }), sometimes, true)).toMatchObject({ known: [], stale: [] });
    expect(gate(results({ b: 'pass' }), sometimes, true).stale).toEqual(['a']);
  });

  test('what is held back as fatal counts as a deviation, and is not stale', () => {
    const known = list('a');
    const fatal: KnownList = {
      ...known,
      deviations: known.deviations.map((deviation) => ({ ...deviation, fatal: true })),
    };
    const held: RunResults = {
      ...results({}),
      cases: [
        {
          id: 'a',
          title: '',
          mode: 'pci.split',
          verdict: 'skip',
          skip: { kind: 'known-fatal', evidence: 'r' },
          durationMs: 0,
          findings: [],
        },
      ],
    };
    expect(gate(held, fatal, true)).toMatchObject({ known: [], deviations: 1, unexpected: [], stale: [] });
    expect(heldBack(fatal, '7.2.22').map(({ id }) => id)).toEqual(['a']);
    expect(heldBack(fatal, '8.0.0')).toEqual([]);
  });

  test('a list claims nothing for other versions, and that is said', () => {
    expect(gate(results({ a: 'fail' }, 0, '8.0.1'), list('a'), true)).toEqual({
      known: [],
      deviations: 0,
      unexpected: ['a'],
      stale: [],
      remarks: ['known.yaml lists no deviation for qemu 8.0.1'],
    });
  });
});

test.each([
  ['7.2.22', '7.2.3', 1],
  ['7.2', '7.2.0', 0],
  ['7.2.0', '10.0', -1],
  ['8.0.0-rc1', '8.0.0', 0],
])('version %s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});

test('the heaviest finding decides the verdict', () => {
  const finding = (severity: 'fail' | 'warn' | 'note' | 'crash') => ({
    step: '1',
    check: 'c',
    requirements: [],
    severity,
    expected: '',
    got: '',
  });
  expect(verdictOf([])).toBe('pass');
  expect(verdictOf([finding('note')])).toBe('note');
  expect(verdictOf([finding('warn'), finding('note')])).toBe('warn');
  expect(verdictOf([finding('warn'), finding('fail'), finding('note')])).toBe('fail');
  expect(verdictOf([finding('fail'), finding('crash')])).toBe('crash');
});

describe('reading a list', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vscsi-known-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const read = (text: string) => {
    const file = join(folder, 'known.yaml');
    writeFileSync(file, text);
    return loadKnownList(file);
  };
  const entry = 'id: a, from: "7.2", to: "7.2.99", reason: r, clause: c, observed: o';

  test('a good one', () => {
    expect(read(`dut: qemu\ndeviations:\n  - {${entry}}\n`)).toMatchObject({
      dut: 'qemu',
      deviations: [{ id: 'a', from: '7.2', to: '7.2.99' }],
    });
  });
  test('one about several cases', () => {
    const text = entry.replace('id: a', 'id: ["a[1]", "a[2]"], modes: [pci.packed*], fatal: true');
    expect(read(`dut: qemu\ndeviations:\n  - {${text}}\n`).deviations).toMatchObject([
      { id: 'a[1]', modes: ['pci.packed*'], fatal: true },
      { id: 'a[2]', modes: ['pci.packed*'], fatal: true },
    ]);
  });
  test.each([
    [`dut: qemu\ndeviations:\n  - {${entry}, fatal: no}\n`, /fatal can only be true/],
    [`dut: qemu\ndeviations:\n  - {${entry}, modes: pci}\n`, /modes must be a list of names or globs/],
    ['dut: qemu\n', /expected a map with dut \(a name\) and deviations/],
    [
      `dut: qemu\ndeviations:\n  - {${entry}, oops: 1}\n`,
      /deviation 1 has the unknown key oops; it can have id, from/,
    ],
    [
      'dut: qemu\ndeviations:\n  - {id: a, from: 7.2, to: "8", reason: r, clause: c, observed: o}\n',
      /from must be a text \(versions in quotes\), got 7\.2/,
    ],
    [
      'dut: qemu\ndeviations:\n  - {id: a, from: "7", to: "8", clause: c, observed: o}\n',
      /reason must be a text .* got nothing/,
    ],
    ['dut: [qemu\n', /known\.yaml:\d+ /],
  ])('%j is refused', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
  test('a file that is not there is named', () => {
    expect(() => loadKnownList(join(folder, 'none.yaml'))).toThrow(/none\.yaml: cannot be read/);
  });
});
