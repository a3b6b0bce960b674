/** Memory files and mappings. */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { anonymousFile } from '../../src/sys/anonymous-file.js';
import { LibcError, libc } from '../../src/sys/libc.js';

const PAGE = 4096;
const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

function opened(fd: number): number {
  open.push(fd);
  return fd;
}

it('maps a part of a file, shared with whoever else has it', () => {
  const fd = opened(libc().memfd('mapped', 4 * PAGE));
  const whole = libc().mapShared(fd, 0, 4 * PAGE).bytes;
  const part = libc().mapShared(fd, PAGE, 2 * PAGE).bytes;
  expect([whole.length, part.length]).toEqual([4 * PAGE, 2 * PAGE]);
  part[5] = 0x5a;
  expect(whole[PAGE + 5]).toBe(0x5a);
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, PAGE + 5);
  expect(byte[0]).toBe(0x5a);
  writeSync(fd, Uint8Array.of(0xa5), 0, 1, PAGE + 6);
  expect(part[6]).toBe(0xa5);
});

it('gives pages back without unmapping them', () => {
  const fd = opened(libc().memfd('discarded', 16 * PAGE));
  const mapping = libc().mapShared(fd, 0, 16 * PAGE);
  mapping.bytes.fill(1);
  expect(fstatSync(fd).blocks).toBeGreaterThan(0);
  mapping.discard();
  expect(fstatSync(fd).blocks).toBe(0);
  expect(mapping.bytes.every((byte) => byte === 0)).toBe(true);
});

it('names the errno of what failed', () => {
  expect(() => libc().mapShared(-1, 0, PAGE)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => libc().mapShared(-1, 0, PAGE)).toThrow(LibcError);
  expect(() => libc().memfd('negative', -1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

it.each(['memory', 'disk'] as const)('makes a file without a name in %s', (place) => {
  const before = process.env.TMPDIR;
  const directory = mkdtempSync(join(tmpdir(), 'anonymous-'));
  process.env.TMPDIR = directory;
  try {
    const content = Uint8Array.of(1, 2, 3);
    const fd = opened(anonymousFile({ name: 'test', size: PAGE, content, place }));
    expect(readdirSync(directory)).toEqual([]);
    expect(fstatSync(fd).size).toBe(PAGE);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(place === 'memory' ? /memfd:test/ : /deleted/);
    const bytes = Buffer.alloc(5, 9);
    expect(readSync(fd, bytes, 0, 5, 0)).toBe(5);
    expect([...bytes]).toEqual([1, 2, 3, 0, 0]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmdirSync(directory);
  }
});
