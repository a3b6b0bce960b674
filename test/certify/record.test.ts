import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filesBelow, finishRecord, RecordFile, signRecord } from '../../src/certify/record.js';
import { type Reference, verifyRecord } from '../../src/certify/verify.js';
import { htmlText } from '../../src/report/html.js';
import { EMPTY_GATE } from '../../src/run/gate.js';
import { type RunResults, summarise } from '../../src/run/results.js';
import { traceName } from '../../src/run/trace.js';
import { FACTS, PLAYLIST, results } from './sample.js';

const REFERENCE: Reference = { version: '1.2.3', playlist: () => PLAYLIST, facts: () => FACTS };
const own = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
let folder: string;

/** Lays a whole record down, signed. */
function lay(what: RunResults, key: KeyObject = own.privateKey): void {
  const gate = EMPTY_GATE;
  writeFileSync(join(folder, RecordFile.RESULTS), JSON.stringify({ ...what, gate }));
  writeFileSync(join(folder, RecordFile.PAGE), htmlText([{ results: what, gate }]));
  finishRecord(folder, what, PLAYLIST, key, FACTS);
}
const check = (key: KeyObject = own.publicKey) => verifyRecord(folder, key, REFERENCE);
const at = (name: string) => join(folder, name);
const edit = (name: string, change: (text: string) => string) =>
  writeFileSync(at(name), change(readFileSync(at(name), 'utf8')));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-record-'));
  mkdirSync(at(RecordFile.TRACES));
  writeFileSync(at(`${RecordFile.TRACES}/a.two[x].txt`), 'what was exchanged\n');
  lay(results());
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a whole record is sound, and says what it concludes', () => {
  expect(check()).toEqual({ problems: [], notes: [], verdict: 'CONFORMANT' });
});

test('one byte of any file', () => {
  const files = filesBelow(folder);
  expect(files).toHaveLength(9);
  for (const file of files) {
    const bytes = readFileSync(at(file));
    for (const place of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const changed = Uint8Array.from(bytes);
      changed[place] = (changed[place] ?? 0) ^ 1;
      writeFileSync(at(file), changed);
      const { problems, verdict } = check();
      expect(verdict).toBeUndefined();
      expect(problems.map((one) => `${one.file} ${one.what}`).join('\n'), file).toContain(file);
    }
    writeFileSync(at(file), bytes);
  }
  expect(check().problems).toEqual([]);
});

test('a file that was taken away, one that was added, one that is renamed', () => {
  for (const file of filesBelow(folder)) {
    renameSync(at(file), `${folder}.away`);
    expect(check().problems[0]?.file).toBe(file);
    renameSync(`${folder}.away`, at(file));
  }
  writeFileSync(at('traces/more.txt'), '');
  expect(check().problems).toEqual([{ file: 'traces/more.txt', what: 'was added after the signature' }]);
  rmSync(at('traces/more.txt'));
  symlinkSync('CONFORMANCE.md', at('link'));
  expect(check().problems).toEqual([{ file: 'link', what: 'is no plain file' }]);
});

test('another key signed', () => {
  signRecord(folder, other.privateKey);
  expect(check().problems).toEqual([
    { file: RecordFile.SIGNATURE, what: expect.stringMatching(/another key signed/) as string },
  ]);
  // Even to whoever trusts that key, the statement names the one that it was made with.
  expect(check(other.publicKey).problems.map(({ file }) => file)).toContain(RecordFile.STATEMENT);
});

test('no signature', () => {
  rmSync(at(RecordFile.SIGNATURE));
  expect(check().problems).toEqual([
    { file: RecordFile.SIGNATURE, what: expect.stringMatching(/not signed/) as string },
  ]);
});

const without = (what: RunResults): RunResults => {
  const cases = what.cases.filter(({ id }) => id !== 'a.one');
  return { ...what, cases, summary: summarise(cases) };
};

test('a case is missing, though everything was made anew and signed by the right key', () => {
  lay(without(results()));
  expect(check().problems).toContainEqual({
    file: RecordFile.RESULTS,
    what: 'has no result of the case a.one',
  });
});

test('a case is missing, and another key signed', () => {
  lay(without(results()), other.privateKey);
  expect(check().problems[0]?.file).toBe(RecordFile.SIGNATURE);
});

test('a result was changed and signed again: the statement no longer follows', () => {
  edit(RecordFile.RESULTS, (text) =>
    text
      .replace('"verdict":"pass"', '"verdict":"warn"')
      .replace('"pass":2', '"pass":1')
      .replace('"warn":0', '"warn":1'),
  );
  signRecord(folder, own.privateKey);
  expect(
    check()
      .problems.map(({ file }) => file)
      .sort(),
  ).toEqual([RecordFile.STATEMENT, RecordFile.STATEMENT_PAGE, RecordFile.RECORD, RecordFile.PAGE].sort());
});

test('a summary that does not fit its cases, and results that are none', () => {
  edit(RecordFile.RESULTS, (text) => text.replace('"pass":2', '"pass":3'));
  signRecord(folder, own.privateKey);
  expect(check().problems).toMatchObject([{ file: RecordFile.RESULTS }]);
  writeFileSync(at(RecordFile.RESULTS), '{}');
  signRecord(folder, own.privateKey);
  expect(check().problems).toMatchObject([{ file: RecordFile.RESULTS }]);
});

test('a file that certify does not leave, though it was signed with the others', () => {
  for (const name of ['CONFORMANCE-final.md', 'traces/a.three.txt']) {
    writeFileSync(at(name), 'CONFORMANT\n');
    signRecord(folder, own.privateKey);
    expect(check().problems).toEqual([
      { file: name, what: 'is no part of a record: certify leaves no such file' },
    ]);
    rmSync(at(name));
  }
  signRecord(folder, own.privateKey);
  expect(check().problems).toEqual([]);
});

test('a statement that says something else', () => {
  edit(RecordFile.STATEMENT, (text) => text.replace('held', 'shone'));
  signRecord(folder, own.privateKey);
  expect(check().problems).toEqual([
    { file: RecordFile.STATEMENT, what: 'does not say what follows from the results' },
  ]);
});

test('a playlist that is not the one of the suite, and cases of another set', () => {
  const { problems } = verifyRecord(folder, own.publicKey, {
    ...REFERENCE,
    playlist: () => ({ ...PLAYLIST, hash: 'other' }),
  });
  expect(problems).toEqual([{ file: RecordFile.PLAYLIST, what: 'is not the playlist basic of the suite' }]);
  const foreign = { ...results(), suite: { ...results().suite, caseSetHash: 'cd'.repeat(32) } };
  lay(foreign);
  expect(check().problems.map(({ file }) => file)).toContain(RecordFile.RESULTS);
});

test('the trace of a failure is missing', () => {
  const [first, ...rest] = results().cases;
  if (first === undefined) throw new Error('no case');
  const cases = [{ ...first, verdict: 'fail' } as const, ...rest];
  lay({ ...results(), cases, summary: summarise(cases) });
  expect(check().problems).toMatchObject([{ file: `traces/${traceName(first)}.txt` }]);
  writeFileSync(at(`traces/${traceName(first)}.txt`), 'what was exchanged\n');
  lay({ ...results(), cases, summary: summarise(cases) });
  expect(check()).toEqual({ problems: [], notes: [], verdict: 'NOT CONFORMANT' });
});

test('a record of another version is checked as far as that goes', () => {
  const verification = verifyRecord(folder, own.publicKey, { ...REFERENCE, version: '9.9.9' });
  expect(verification.problems).toEqual([]);
  expect(verification.verdict).toBeUndefined();
  expect(verification.notes).toEqual([expect.stringMatching(/1\.2\.3.*9\.9\.9/)]);
});

test('what a device says is no markup in a statement', () => {
  const hostile = '</title><script>alert(1)</script>|[x](http://x)';
  lay({ ...results(), dut: { ...results().dut, name: hostile } });
  expect(readFileSync(at(RecordFile.STATEMENT_PAGE), 'utf8')).not.toContain('<script');
  const text = readFileSync(at(RecordFile.STATEMENT), 'utf8');
  expect(text).not.toMatch(/[^\\]<script|[^\\]\[x\]/);
  expect(check().problems).toEqual([]);
});

test('an empty folder that was added; that of the traces may be empty', () => {
  mkdirSync(at(RecordFile.TRACES), { recursive: true });
  lay(results());
  expect(check().problems).toEqual([]);
  mkdirSync(at('more/still'), { recursive: true });
  expect(check().problems).toEqual([
    { file: 'more/still', what: 'is an empty folder, of which the signature knows nothing' },
  ]);
});

test('a device whose name would write on the terminal has a sound record', () => {
  const { dut, ...rest } = results();
  lay({ ...rest, dut: { ...dut, version: '1\u001b[2J' } });
  expect(check().problems).toEqual([]);
  expect(readFileSync(at(RecordFile.STATEMENT), 'utf8')).not.toContain('\u001b');
});
