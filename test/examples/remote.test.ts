/** The examples of devices behind the remote protocol: they pass its check, and survive junk. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mistakeIn } from '../../src/duts/remote/messages.js';
import { shellWords } from '../../src/sys/shell-words.js';
import { finish } from '../cli/vscsi.js';

const FOLDER = fileURLToPath(new URL('../../examples/remote/', import.meta.url));
const built = mkdtempSync(join(tmpdir(), 'vscsi-examples-'));
const DEVICES = [
  ['C', [join(built, 'device')]],
  ['Python', ['python3', join(FOLDER, 'device.py')]],
] as const;

beforeAll(() => {
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
  execFileSync('cc', [
    ...flags,
    '-fno-sanitize-recover',
    '-o',
    join(built, 'device'),
    join(FOLDER, 'device.c'),
  ]);
});
afterAll(() => rmSync(built, { recursive: true }));

/** What a device says to some bytes, and how it ends. */
async function fed(
  command: readonly string[],
  input: Buffer,
): Promise<{ lines: string[]; code: number | null }> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { lines: output.split('\n').slice(0, -1), code };
}

/** Lines that look like requests, more or less, and some that do not. */
const key = fc.constantFrom(
  'op',
  'space',
  'offset',
  'width',
  'value',
  'version',
  'transport',
  'control',
  'name',
);
const leaf = fc.oneof(
  fc.constantFrom('hello', 'read', 'write', 'line', 'control', 'config', 'bar0', 'pci', 'power-cycle'),
  fc.constantFrom(0, 1, 2, 4, 8, -1, 4092, 4096, 2 ** 31, 2 ** 63, 1e300, 0.5, null, true),
  fc.string(),
);
const value = fc.oneof(leaf, fc.dictionary(key, leaf), fc.array(leaf, { maxLength: 3 }));
const request = fc.dictionary(key, value).map((each) => JSON.stringify(each));
const broken = fc.tuple(request, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)));
const junk = fc.oneof(
  fc.uint8Array().map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a))),
  fc.oneof(request, broken, fc.constant('[['.repeat(50_000))).map((text) => Buffer.from(text)),
);

describe.each(DEVICES)('the device in %s', (_, command) => {
  test('passes the check', async () => {
    const { code, output } = await finish('remote', 'check', '--backend', shellWords(command));
    expect(output).toContain('nothing is wrong');
    expect(code).toBe(0);
  });

  test('answers each line by a line, whatever is in it', async () => {
    const hello = '{"op":"hello","version":1,"transport":"pci"}';
    const property = fc.asyncProperty(fc.array(junk, { minLength: 50, maxLength: 200 }), async (lines) => {
      const end = Buffer.from('\n');
      const read = '{"op":"read","space":"config","offset":0,"width":4}';
      const sent = [Buffer.from(hello), ...lines, Buffer.from(read)];
      const { lines: answers, code } = await fed(command, Buffer.concat(sent.flatMap((line) => [line, end])));
      expect(code).toBe(0);
      expect(answers).toHaveLength(sent.length);
      const kinds = ['value', 'done', 'asserted', 'hello', 'error'] as const;
      for (const answer of answers)
        expect(kinds.some((kind) => mistakeIn(kind, JSON.parse(answer)) === undefined)).toBe(true);
      expect(JSON.parse(answers.at(-1) ?? '')).toEqual({ value: 0x1048_1af4 });
    });
    await fc.assert(property, { numRuns: 10 });
  });

  test('ends at a line without end', async () => {
    const { lines } = await fed(command, Buffer.alloc(300_000, 'x'));
    expect(lines).toEqual([]);
  });
});

test('the one in C is short, and needs no library', () => {
  const text = readFileSync(join(FOLDER, 'device.c'), 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(251);
  const headers = [...text.matchAll(/#include (.*)/g)].map(([, header]) => header);
  expect(headers).toEqual(['<stdint.h>', '<stdio.h>', '<stdlib.h>', '<string.h>']);
});
