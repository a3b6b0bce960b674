import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, readdirSync, readSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closePipe, makePipes, type Pipe } from '../../src/sys/pipes.js';

let directory: string;
const before = process.env.TMPDIR;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pipes test-'));
  process.env.TMPDIR = directory;
});
afterEach(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  // Fails if anything is in it.
  rmdirSync(directory);
});

async function onePipe(): Promise<Pipe> {
  const [pipe] = await makePipes(1);
  if (pipe === undefined) throw new Error('no pipe');
  return pipe;
}

function read(fd: number): string {
  const bytes = Buffer.alloc(100);
  return bytes.toString('latin1', 0, readSync(fd, bytes));
}

it('carries bytes, each pipe its own, with no name left', async () => {
  const pipes = await makePipes(2);
  expect(readdirSync(directory)).toEqual([]);
  for (const [index, pipe] of pipes.entries()) writeSync(pipe.writeEnd, `pipe ${index}`);
  expect(pipes.map((pipe) => read(pipe.readEnd))).toEqual(['pipe 0', 'pipe 1']);
  for (const pipe of pipes) closePipe(pipe);
});

it('waits for a writer', async () => {
  const pipe = await onePipe();
  const writer = spawn('sh', ['-c', 'sleep 0.1; echo late'], { stdio: ['ignore', pipe.writeEnd, 'inherit'] });
  expect(read(pipe.readEnd)).toBe('late\n');
  await once(writer, 'close');
  closePipe(pipe);
});

it('ends when the last writer has closed it, and refuses writing without a reader', async () => {
  const ends = await onePipe();
  closeSync(ends.writeEnd);
  expect(read(ends.readEnd)).toBe('');
  closeSync(ends.readEnd);

  const refuses = await onePipe();
  closeSync(refuses.readEnd);
  expect(() => writeSync(refuses.writeEnd, 'x')).toThrow(expect.objectContaining({ code: 'EPIPE' }));
  closeSync(refuses.writeEnd);
});

it('says why there are none', async () => {
  process.env.TMPDIR = join(directory, 'nowhere');
  await expect(makePipes(1)).rejects.toThrow(/Cannot make FIFOs in .*nowhere: .*mktemp/);
  process.env.TMPDIR = directory;
});

it('is not inherited by other processes', async () => {
  const pipe = await onePipe();
  const { readEnd, writeEnd } = pipe;
  const child = spawn('sh', ['-c', `ls /proc/self/fd/${readEnd} /proc/self/fd/${writeEnd}`], {
    stdio: 'ignore',
  });
  const [code] = await once(child, 'close');
  expect(code).not.toBe(0);
  closePipe(pipe);
});
