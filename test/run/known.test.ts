import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareVersions, loadKnownList } from '../../src/run/known.js';
import { verdictOf } from '../../src/run/results.js';

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
  test('one that says how it is red, where that is dealt with, and until when', () => {
    const more = 'link: "https://example.org/1", verdict: hang, bytes: "0a", expires: "2028-02-29"';
    expect(read(`dut: qemu\ndeviations:\n  - {${entry}, ${more}}\n`).deviations).toMatchObject([
      { link: 'https://example.org/1', verdict: 'hang', bytes: '0a', expires: '2028-02-29' },
    ]);
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
    [
      `dut: qemu\ndeviations:\n  - {${entry.replace('reason: r', 'reason: ""')}}\n`,
      /deviation 1 \(a\): reason is not filled in/,
    ],
    [`dut: qemu\ndeviations:\n  - {${entry}, link: somewhere}\n`, /link must be an address/],
    [
      `dut: qemu\ndeviations:\n  - {${entry}, verdict: pass}\n`,
      /verdict must be one of fail, crash, hang, error/,
    ],
    [`dut: qemu\ndeviations:\n  - {${entry}, bytes: "0A"}\n`, /bytes must be bytes in lower-case hex/],
    [`dut: qemu\ndeviations:\n  - {${entry}, bytes: 10}\n`, /bytes must be .* got 10/],
    [`dut: qemu\ndeviations:\n  - {${entry}, expires: "2027-02-29"}\n`, /expires must be a date/],
    ['dut: [qemu\n', /known\.yaml:\d+ /],
  ])('%j is refused', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });
  test('a file that is not there is named', () => {
    expect(() => loadKnownList(join(folder, 'none.yaml'))).toThrow(/none\.yaml: cannot be read/);
  });
});
