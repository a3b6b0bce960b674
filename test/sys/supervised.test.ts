import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync, readSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { anonymousFile } from '../../src/sys/anonymous-file.js';
import { spawnSupervised, supervisedCommand } from '../../src/sys/supervised.js';

const quiet = { stdin: 'ignore', stdout: 'ignore' } as const;

function shell(script: string, more: { wrap?: string[]; extra?: 'pipe'[] } = {}) {
  return spawnSupervised({ command: 'sh', args: ['-c', script], ...quiet, ...more });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it('tells how a process ended and what it complained of', async () => {
  const child = await shell('echo oops >&2; exit 7');
  expect(await child.exited).toEqual({ code: 7, signal: null, stderr: 'oops\n' });
});

it('keeps the last 64 KiB of standard error', async () => {
  const child = await shell("head -c 300000 /dev/zero | tr '\\0' x >&2; echo the end >&2");
  const { stderr } = await child.exited;
  expect(stderr).toHaveLength(64 * 1024);
  expect(stderr.endsWith('xthe end\n')).toBe(true);
});

it('keeps standard error in a file, if it gets one, for anyone to read', async () => {
  const file = anonymousFile({ name: 'test-stderr', size: 0, place: 'disk' });
  try {
    const child = await spawnSupervised({
      command: 'sh',
      args: ['-c', 'echo one >&2; (echo two >&2); exit 3'],
      ...quiet,
      stderr: file,
    });
    expect(await child.exited).toEqual({ code: 3, signal: null, stderr: 'one\ntwo\n' });
    const text = Buffer.alloc(8);
    expect(readSync(file, text, 0, 8, 0)).toBe(8);
    expect(text.toString()).toBe('one\ntwo\n');
  } finally {
    closeSync(file);
  }
});

it('kills what the process has started, too', async () => {
  const child = await shell('sleep 60 & echo $! >&2; wait');
  while (!child.stderr().includes('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
  const grandchild = Number(child.stderr());
  child.kill();
  expect((await child.exited).signal).toBe('SIGKILL');
  const limit = Date.now() + 5000;
  // It may be a zombie for a moment, until whoever adopts it reaps it.
  while (isRunning(grandchild) && !isZombie(grandchild) && Date.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(isRunning(grandchild) && !isZombie(grandchild)).toBe(false);
  child.kill();
});

function isZombie(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

it('has the process id of the command itself', async () => {
  const child = await shell('echo $$ >&2');
  expect((await child.exited).stderr).toBe(`${child.pid}\n`);
});

it('gives stream sockets beyond the standard streams', async () => {
  const child = await shell('head -c 4 <&3 >&3', { extra: ['pipe'] });
  const stream = child.stdio[3];
  if (!(stream instanceof Duplex)) throw new Error('no socket');
  stream.write('ping');
  expect(String(await once(stream, 'data'))).toBe('ping');
  expect((await child.exited).code).toBe(0);
});

it('reports a program that is missing as the shell does', async () => {
  const child = await spawnSupervised({ command: 'no-such-program', args: [], ...quiet });
  const { code, stderr } = await child.exited;
  expect(code).toBe(127);
  expect(stderr).toContain('no-such-program');
});

it.each([
  ['the parent', process.pid, 0, 'runs\n'],
  ['an orphan, whose parent is another by then', 1_000_000_000, 1, ''],
])('runs for %s or not at all', (_, parent, status, stdout) => {
  const [program, ...args] = supervisedCommand(parent, [], ['echo', 'runs']);
  expect(spawnSync(program, args, { encoding: 'utf8' })).toMatchObject({ status, stdout });
});

it('asks for the signal on behalf of a wrapped command, too', () => {
  expect(supervisedCommand(1, ['trace', '-f'], ['command', 'x']).slice(-8)).toEqual([
    'trace',
    '-f',
    'setpriv',
    '--pdeathsig',
    'KILL',
    '--',
    'command',
    'x',
  ]);
});
