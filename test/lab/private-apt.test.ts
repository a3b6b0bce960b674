import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureFolder } from '../../src/lab/cache.js';
import { kernelParts } from '../../src/lab/kernel.js';
import { aptObstacle, unpack } from '../../src/lab/private-apt.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-apt-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('knows the parts of a kernel that comes in several packages', () => {
  expect(
    kernelParts(
      'kmod, linux-base (>= 4.3~), linux-binary-7.2.1-amd64 (= 7.2.1-1), linux-modules-7.2.1-amd64 (= 7.2.1-1)',
    ),
  ).toEqual(['linux-binary-7.2.1-amd64=7.2.1-1', 'linux-modules-7.2.1-amd64=7.2.1-1']);
});

it.skipIf(aptObstacle() !== undefined)('unpacks packages, but for what is left out', async () => {
  const source = join(folder, 'source');
  for (const part of ['DEBIAN', 'lib/kept', 'lib/left']) mkdirSync(join(source, part), { recursive: true });
  writeFileSync(
    join(source, 'DEBIAN', 'control'),
    'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n',
  );
  writeFileSync(join(source, 'lib/kept/a'), 'a');
  writeFileSync(join(source, 'lib/left/b'), 'b');
  const file = join(folder, 'x.deb');
  execFileSync('dpkg-deb', ['--root-owner-group', '-b', source, file], { stdio: 'ignore' });
  await unpack([file], join(folder, 'root'), ['./lib/left']);
  expect(readdirSync(join(folder, 'root/lib'))).toEqual(['kept']);
  await expect(unpack([join(folder, 'none.deb')], join(folder, 'root'), [])).rejects.toThrow();
});

const log = () => {};

it('makes a folder once, and only as a whole', async () => {
  const made = join(folder, 'deep', 'made');
  let builds = 0;
  const ensure = (usable: boolean, fails = false) =>
    ensureFolder({
      folder: made,
      log,
      usable: () => usable,
      async build(building) {
        builds++;
        writeFileSync(join(building, 'content'), '');
        if (fails) throw Object.assign(new Error('write'), { code: 'ENOSPC' });
        return ['package'];
      },
    });
  await expect(ensure(true, true)).rejects.toMatchObject({
    message: `${made}: the disk is full`,
    remedy: expect.stringContaining('XDG_CACHE_HOME'),
  });
  expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  await ensure(true);
  await ensure(true);
  expect(builds).toBe(2);
  expect(readdirSync(made)).toEqual(['content', 'packages.txt']);
  await ensure(false);
  expect(builds).toBe(3);
});

it("leaves someone else's folder alone", async () => {
  const build = () => Promise.resolve([]);
  await expect(ensureFolder({ folder, log, usable: () => true, build })).rejects.toThrow(
    `${folder} exists and was not made by vscsi`,
  );
});
