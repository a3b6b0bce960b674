import { describe, expect, test } from 'vitest';
import { sinkFor, type TextSink } from '../../src/report/style.js';
import { TerminalReport } from '../../src/report/terminal.js';
import type { Gate } from '../../src/run/gate.js';
import { CASES, GATE, RESULTS } from './sample.js';

function report(sink: Partial<TextSink>, verbose = false, gate = GATE): string {
  let text = '';
  const out: TextSink = {
    isTerminal: false,
    colour: false,
    columns: 60,
    ...sink,
    write: (part) => {
      text += part;
    },
  };
  const terminal = new TerminalReport(out, verbose, (id) => `the words of ${id}`);
  terminal.started({
    ...RESULTS.dut,
    seed: 7,
    transport: 'pci',
    reasonOf: ({ id }) => (id === 'a.known' ? 'because' : undefined),
    replay: ({ id }) => `vscsi run --select '${id}'`,
  });
  for (const [index, result] of CASES.entries()) terminal.result(result, index + 1, CASES.length);
  terminal.finished(RESULTS, gate, [{ id: 'a.fail', before: 'pass', now: 'fail', kind: 'regression' }]);
  terminal.verdict('NOT CONFORMANT', false);
  return text;
}

test('a failing case shows fields, bytes, the requirement in words, the device and how to run it again', () => {
  const lines = report({}).split('\n');
  const start = lines.findIndex((line) => line.includes('a.fail[#1, x]'));
  expect(lines.slice(start, start + 12)).toEqual([
    '  fail  a.fail[#1, x]  Fails: # is no directive',
    '        fail: step 2, data_in  (a.yaml:3:1)',
    '          expected 01 02',
    '          got      01 ff',
    '          0000  expected  01 02',
    '                got       01 ff',
    '                             ^^',
    '          requirement virtio.framing.no-assumptions: the words of virtio.framing.no-assumptions',
    '          last request 00',
    '        device: qemu -x',
    "        again: vscsi run --select 'a.fail[#1, x]'",
    '  fail  a.known (known)  Known',
  ]);
});

test('the end sums up: standing rows, what is stale, what has changed, why cases were skipped', () => {
  const text = report({});
  expect(text).toMatch(/fail {2}used-length \(known\): 1 of 2 exchanges/);
  expect(text).toMatch(/stale: .* names a\.gone, and there is no such result/);
  expect(text).toMatch(/regression a\.fail: pass → fail/);
  expect(text).toMatch(/note: a remark/);
  expect(text).toMatch(/1 skipped, not-offered: tape is not bound/);
  expect(text).toMatch(/5 cases: 1 pass, 2 fail, 1 skip, 1 crash\nNOT CONFORMANT\n$/);
});

test('how a list of known deviations does not fit is told entry by entry', () => {
  const gate: Gate = {
    ...GATE,
    ...{ stale: ['a.pass'], passed: ['a.pass'], expired: ['a.old (2026-01-01)'] },
    differs: [{ id: 'a.crash', expected: 'fail', got: 'crash' }],
    flaky: [{ id: 'a.race', red: true }],
  };
  const text = report({}, false, gate);
  expect(text).toMatch(/unexpected pass: .* names a\.pass, which is not red/);
  expect(text).toMatch(/expired: the entry for a\.old \(2026-01-01\) is out of date/);
  expect(text).toMatch(/differs: a\.crash is listed as fail, and is crash/);
  expect(text).toMatch(/flaky: a\.race is red this time/);
});

test('cases that pass or are skipped are shown only on demand', () => {
  expect(report({})).not.toMatch(/pass {2}a\.pass/);
  expect(report({}, true)).toMatch(/pass {2}a\.pass/);
  expect(report({}, true)).toMatch(/skip {2}a\.skip/);
});

describe('control sequences', () => {
  const ESCAPE = '\x1b';
  test('none without a terminal', () => {
    expect(report({})).not.toContain(ESCAPE);
    expect(report({})).not.toContain('\r');
  });
  test('a terminal gets a progress line that is wiped before other text', () => {
    const text = report({ isTerminal: true });
    expect(text).toContain('  2/5, 1 red  a.fail[#1, x]');
    for (const part of text.split('\r').slice(1)) expect(part.startsWith(`${ESCAPE}[K`)).toBe(true);
    expect(text).not.toContain(`${ESCAPE}[31m`);
  });
  test('colours where they are wanted', () => {
    expect(report({ colour: true })).toContain(`${ESCAPE}[31mNOT CONFORMANT${ESCAPE}[0m`);
  });
  test.each([
    [{}, true, true],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ TERM: 'dumb' }, false, false],
  ])('a terminal with %j: overwriting %s, colour %s', (environment, isTerminal, colour) => {
    const stream = { isTTY: true, columns: 99, write: () => true };
    expect(sinkFor(stream, environment)).toMatchObject({ isTerminal, colour, columns: 99 });
    expect(sinkFor({ write: () => true }, environment)).toMatchObject({ isTerminal: false, colour: false });
  });
});
