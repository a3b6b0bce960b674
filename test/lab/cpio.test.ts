/** Archives for the kernel, checked by the layout of "newc" written out by hand. */
import { expect, it } from 'vitest';
import { cpioArchive } from '../../src/lab/cpio.js';

/** Entries of an archive, as "Early userspace support" of the kernel describes the format. */
function entriesOf(archive: Uint8Array) {
  const bytes = Buffer.from(archive);
  const entries: { name: string; mode: string; content: string; device: number[] }[] = [];
  for (let at = 0; ; ) {
    expect(bytes.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number) =>
      Number.parseInt(bytes.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + 110 + field(11);
    const name = bytes.toString('utf8', at + 110, nameEnd - 1);
    expect(bytes[nameEnd - 1]).toBe(0);
    const start = (nameEnd + 3) & ~3;
    const end = start + field(6);
    if (name === 'TRAILER!!!') return entries;
    entries.push({
      name,
      mode: field(1).toString(8),
      content: bytes.toString('utf8', start, end),
      device: [field(9), field(10)],
    });
    at = (end + 3) & ~3;
  }
}

it('holds files, links and devices, each after the folders that lead to it', () => {
  const archive = cpioArchive([
    { kind: 'file', path: '/a/b/file', content: Buffer.from('hello') },
    { kind: 'file', path: '/a/program', content: Buffer.from('#!'), executable: true },
    { kind: 'link', path: '/a/link', to: 'b/file' },
    { kind: 'folder', path: '/empty' },
    { kind: 'device', path: '/dev/console', major: 5, minor: 1 },
  ]);
  expect(entriesOf(archive)).toEqual([
    { name: 'a', mode: '40755', content: '', device: [0, 0] },
    { name: 'a/b', mode: '40755', content: '', device: [0, 0] },
    { name: 'a/b/file', mode: '100644', content: 'hello', device: [0, 0] },
    { name: 'a/program', mode: '100755', content: '#!', device: [0, 0] },
    { name: 'a/link', mode: '120777', content: 'b/file', device: [0, 0] },
    { name: 'empty', mode: '40755', content: '', device: [0, 0] },
    { name: 'dev', mode: '40755', content: '', device: [0, 0] },
    { name: 'dev/console', mode: '20600', content: '', device: [5, 1] },
  ]);
});

it('refuses two entries of one name', () => {
  const twice = { kind: 'file', path: '/a', content: new Uint8Array() } as const;
  expect(() => cpioArchive([twice, twice])).toThrow('/a is in the archive twice');
});
