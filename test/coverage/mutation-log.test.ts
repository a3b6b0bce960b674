/** A run of the mutants that was cut off goes on. */
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CaseFile } from '../../src/cases/types.js';
import { MutationLog, MutationLogError } from '../../src/coverage/mutation-log.js';
import type { TimedFindings } from '../../src/coverage/mutation-pool.js';

const files: readonly CaseFile[] = [];
const others = [{ file: 'other.yaml', cases: [{ seed: 7n }] }] as unknown as readonly CaseFile[];
const newFile = () => join(mkdtempSync(join(tmpdir(), 'vscsi-')), 'log.jsonl');

const findings = (id: string): TimedFindings => ({
  id,
  verdict: 'caught',
  own: 1,
  other: 0,
  ownCases: ['a.case[1]'],
  otherCases: [],
  proves: ['a.case'],
  violated: [],
  durationMs: 7,
});

/** A log with what two mutants came to. */
function written(): string {
  const file = newFile();
  const log = new MutationLog(file, files);
  expect(log.found).toEqual([]);
  log.add(findings('m.one'));
  log.add(findings('m.two'));
  log.close();
  return file;
}

describe('what was found', () => {
  test('is there again, and what is found from then on comes behind it', () => {
    const file = written();
    const log = new MutationLog(file, files);
    expect(log.found).toEqual([findings('m.one'), findings('m.two')]);
    log.add(findings('m.three'));
    log.close();
    expect(new MutationLog(file, files).found.map(({ id }) => id)).toEqual(['m.one', 'm.two', 'm.three']);
  });

  test('is there but for what was being written at the end', () => {
    const file = written();
    appendFileSync(file, '{"id":"m.three","verd');
    expect(new MutationLog(file, files).found.map(({ id }) => id)).toEqual(['m.one', 'm.two']);
  });

  test('is worth nothing for another suite', () => {
    expect(new MutationLog(written(), others).found).toEqual([]);
  });
});

test.each([
  ['text', 'some words\n'],
  ['other JSON', '{"type":"case"}\n'],
  ['a line in the midst', `{"type":"header","suite":""}\nwords\n{}\n`],
])('a file with %s is refused, and stays', (_, text) => {
  const file = newFile();
  writeFileSync(file, text);
  expect(() => new MutationLog(file, files)).toThrow(MutationLogError);
  expect(readFileSync(file, 'utf8')).toBe(text);
});
