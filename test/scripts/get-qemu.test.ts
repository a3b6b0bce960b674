import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/get-qemu.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vscsi-get-qemu-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Nothing listens there: a test that wanted to download would fail at once. */
const env = { ...process.env, XDG_CACHE_HOME: folder, VSCSI_DEBIAN_MIRROR: 'http://localhost:1/debian' };
const run = (...words: string[]) => promisify(execFile)(process.execPath, [SCRIPT, ...words], { env });

test('a QEMU that is in its folder already is used as it is', async () => {
  const place = join(folder, 'vscsi', 'qemu-trixie');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'packages.txt'), 'qemu-system-x86_1_amd64.deb\n');
  const program = join(place, 'qemu-system-x86_64');
  writeFileSync(program, '#!/bin/sh\necho QEMU emulator version 10.0.0\n');
  chmodSync(program, 0o755);
  const { stdout, stderr } = await run();
  expect(stdout).toBe(`${program}\n`);
  expect(stderr).toBe('');
});

test("someone else's folder is left alone", async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  await expect(run('trixie', '--to', other)).rejects.toMatchObject({
    code: 1,
    stderr: `get-qemu: ${other} exists and was not made by vscsi; choose another folder\n`,
  });
});

test('what is no suite is refused before anything is done', async () => {
  await expect(run('../trixie')).rejects.toMatchObject({
    code: 1,
    stderr: 'get-qemu: ../trixie is no name of a suite\n',
  });
  await expect(run('trixie', 'forky')).rejects.toMatchObject({
    code: 1,
    stderr: 'get-qemu: one suite at a time; got also forky\n',
  });
});
