/** Results are read back from every report that holds them, and what is no report is refused with its place. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { caseEvent, footerEvent, type HeaderEvent, type RunEvent } from '../../src/report/events.js';
import { jsonReporter } from '../../src/report/json.js';
import { parseResults, readResults } from '../../src/report/read-results.js';
import { tapText } from '../../src/report/tap.js';
import { type RunResults, summarise } from '../../src/run/results.js';
import { CASES, GATE, HEADER, RESULTS, standingOf } from './sample.js';

const stream = (...events: readonly RunEvent[]) =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');
const header: HeaderEvent = HEADER;
const cases = CASES.map((result) => caseEvent(result, standingOf(result)));
const WHOLE = stream(header, ...cases, footerEvent(RESULTS, GATE));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what would write on the terminal is shown instead, from whichever report', () => {
  const name = '\u001b]0;owned\u0007\u009b2J\r\b';
  const results: RunResults = { ...RESULTS, dut: { ...RESULTS.dut, version: `1${name}` } };
  const { dut: _, ...others } = HEADER;
  const { features: __, ...dut } = results.dut;
  const document = JSON.stringify({ ...results, gate: GATE });
  const lines = stream({ ...others, dut }, ...cases, footerEvent(results, GATE));
  for (const text of [document, lines])
    expect(parseResults('r', text).results.dut.version).toBe('1\\x1b]0;owned\\x07\\x9b2J\\x0d\\x08');
  const tap = tapText({ ...RESULTS, dut: { ...RESULTS.dut, version: '1\u001b[2J' } }, GATE);
  expect(parseResults('r', tap).results.dut.version).toBe('1\\x1b[2J');
});

describe('what a report holds comes back', () => {
  test('from JSON', () => {
    const file = join(folder, 'r.json');
    jsonReporter(file).finished(RESULTS, GATE);
    expect(readResults(file)).toEqual({ file, format: 'json', results: RESULTS, gate: GATE, cutOff: false });
  });

  test('from the event stream', () => {
    const { events, ...read } = parseResults('r.jsonl', WHOLE);
    expect(events).toEqual(cases);
    expect(read).toEqual({
      file: 'r.jsonl',
      format: 'jsonl',
      results: RESULTS,
      gate: GATE,
      cutOff: false,
    });
  });

  test('from a stream that was cut off, in a line or between two: as interrupted, and with what the cases say', () => {
    const between = stream(header, ...cases);
    for (const text of [between, between + WHOLE.slice(between.length, -9), `${between}{"type":"ca`]) {
      const { results, gate, cutOff } = parseResults('r.jsonl', text);
      expect(cutOff).toBe(true);
      expect(gate).toBeUndefined();
      const { environment: _, dut, ...rest } = results;
      const { environment: __, dut: whole, ...expected } = RESULTS;
      expect(rest).toEqual({ ...expected, interrupted: true });
      expect(dut).toEqual({ ...whole, features: [] });
    }
  });

  test('from TAP, but for what it does not tell', () => {
    const { results, format } = parseResults('r.tap', tapText(RESULTS, GATE));
    expect(format).toBe('tap');
    const { suite, seed, strict, spec, summary, interrupted, modes } = RESULTS;
    expect(results).toMatchObject({ suite, seed, strict, spec, summary, interrupted, modes });
    expect(results.dut).toEqual({ name: 'qemu', version: '7.2.22', features: [], details: {} });
    const told = ({ id, mode, verdict, skip, findings }: RunResults['cases'][number]) => ({
      ...{ id, mode, verdict, skip, findings },
    });
    expect(results.cases.map(told)).toEqual(RESULTS.cases.map(told));
    expect(results.standing.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      'used-length fail',
      'canary pass',
    ]);
  });

  test('from TAP of an interrupted run', () => {
    const { results } = parseResults('r.tap', tapText({ ...RESULTS, interrupted: true }, GATE));
    expect(results.interrupted).toBe(true);
    expect(results.cases).toHaveLength(CASES.length);
  });
});

describe('what is no report is refused', () => {
  const json = (change: object) => JSON.stringify({ ...RESULTS, gate: GATE, ...change });
  const [first] = CASES;
  test.each([
    ['', /r: the file is empty; expected what "vscsi run --report json=FILE"/],
    ['{', /r: .*JSON/],
    ['null', /schemaVersion is missing, not 1/],
    ['{"schemaVersion": 2}', /schemaVersion is 2, not 1/],
    ['{"schemaVersion": 1}', /must have required property 'suite'/],
    [json({ cases: [{ ...first, verdict: '?' }] }), /\/cases\/0\/verdict must be equal to one of/],
    [json({ cases: CASES.slice(1) }), /the summary tells of 5 results, and there are 4/],
    [`${stream(header)}{"type":"case"}\n`, /r:2: must have required property/],
    [`${stream(header)}oops\n`, /r:2: .*JSON/],
    [stream(header, footerEvent(RESULTS, GATE)), /the summary tells of 5 results, and there are 0/],
    [WHOLE + stream(header), /r:8: something follows the footer/],
    ['TAP version 14\n1..1\nok 1 - a\n', /no comment says which device/],
    [tapText(RESULTS, GATE).replace('not ok 2', 'ok 2'), /a\.fail\[#1, x\] is ok, and fail/],
    [tapText(RESULTS, GATE).replace('1..8', '1..9'), /r: .*plan/],
    [tapText(RESULTS, GATE).replace('not-offered:', 'oops:'), /\/cases\/3\/skip\/kind must be equal/],
    [tapText(RESULTS, GATE).replace(/^[^#]*/, 'text\n'), /r: .*JSON|expected what/],
  ])('%#', (text, message) => {
    expect(() => parseResults('r', text)).toThrow(message);
  });

  test('a file that is not there', () => {
    expect(() => readResults(join(folder, 'none'))).toThrow(/none: ENOENT.*; expected what/);
  });
});

describe('what a run never writes', () => {
  test('a result that is there twice, whatever the summary says, in a stream that was cut off and in TAP', () => {
    const [first] = CASES;
    if (first === undefined) throw new Error('no case');
    const twice = [...CASES, first];
    const doubled: RunResults = { ...RESULTS, cases: twice, summary: summarise(twice) };
    const twin = /there are two results of /;
    expect(() => parseResults('r.json', JSON.stringify({ ...doubled, gate: GATE }))).toThrow(twin);
    expect(() => parseResults('r.tap', tapText(doubled, GATE))).toThrow(twin);
    const events = [...cases, caseEvent(first, [])];
    expect(() => parseResults('r.jsonl', stream(header, ...events))).toThrow(twin);
    expect(() => parseResults('r.jsonl', stream(header, ...events, footerEvent(doubled, GATE)))).toThrow(
      twin,
    );
  });

  test('another version of the form: the message says what can read it', () => {
    const other = /schemaVersion is 2, not 1: read them with the version of the suite that wrote them/;
    const json = JSON.stringify({ ...RESULTS, gate: GATE, schemaVersion: 2 });
    expect(() => parseResults('r.json', json)).toThrow(other);
    expect(() => parseResults('r.jsonl', WHOLE.replace('"schemaVersion":1', '"schemaVersion":2'))).toThrow(
      other,
    );
  });

  test('control characters: the message does not pass them on to a terminal', () => {
    expect(() => parseResults('r.json', '\u001b[2J\u0007 no')).toThrow(/^r\.json: [^\p{Cc}]*$/u);
  });
});

test('a mark of byte order in front of a report is nothing', () => {
  expect(parseResults('r.jsonl', `\uFEFF${WHOLE}`)).toEqual(parseResults('r.jsonl', WHOLE));
});
