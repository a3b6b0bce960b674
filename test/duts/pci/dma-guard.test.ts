import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DmaGuard } from '../../../src/duts/pci/dma-guard.js';

/** A function can be deaf to what is written to its registers. */
const fs = vi.hoisted(() => ({ deaf: false }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const writeSync = (fd: number, data: Buffer, offset: number, length: number, at: number) =>
    fs.deaf ? length : real.writeSync(fd, data, offset, length, at);
  return { ...real, writeSync };
});

const COMMAND = 4;
const MASTERING = 0x0106;
const QUIET = 0x0400;

let folder: string;
let config: string;
let memory: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-guard-'));
  config = join(folder, 'config');
  const bytes = Buffer.alloc(64, 0x55);
  bytes.writeUInt16LE(MASTERING, COMMAND);
  writeFileSync(config, bytes);
  writeFileSync(join(folder, 'memory'), '');
  memory = openSync(join(folder, 'memory'), 'r+');
});
afterEach(() => {
  fs.deaf = false;
  closeSync(memory);
  rmSync(folder, { recursive: true });
});
const command = () => readFileSync(config).readUInt16LE(COMMAND);

test('bus mastering ends with the guard, and nothing else changes', async () => {
  const guard = await DmaGuard.start(config, [memory]);
  expect(command()).toBe(MASTERING);
  await guard.end();
  expect(command()).toBe(QUIET);
  const bytes = readFileSync(config);
  bytes.writeUInt16LE(0x5555, COMMAND);
  expect(bytes).toEqual(Buffer.alloc(64, 0x55));
  await guard.end();
});

test('a guard that ends at the right time is not lost', async () => {
  const guard = await DmaGuard.start(config, [memory]);
  const lost = vi.fn();
  guard.lost.then(lost);
  await guard.end();
  expect(lost).not.toHaveBeenCalled();
  expect(() => guard.check()).not.toThrow();
});

describe('a guard that goes too early', () => {
  /** One whose shell does this instead. */
  async function early(commands: string): Promise<DmaGuard> {
    writeFileSync(join(folder, 'sh'), `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', folder);
    return DmaGuard.start(config, [memory]).finally(() => vi.unstubAllEnvs());
  }

  test.each([
    ['exit 3', { code: 3, signal: null }, /ended itself \(exit code 3\)/],
    ['kill -9 $$', { code: null, signal: 'SIGKILL' }, /ended itself \(SIGKILL\)/],
  ])('%s: is lost, and the suite switches bus mastering off itself', async (commands, how, said) => {
    const guard = await early(commands);
    expect(await guard.lost).toMatchObject(how);
    expect(() => guard.check()).toThrow(said);
    expect(command()).toBe(MASTERING);
    await guard.end();
    expect(command()).toBe(QUIET);
  });

  test('a function that goes on mastering the bus is told of', async () => {
    const guard = await early('exit 0');
    await guard.lost;
    fs.deaf = true;
    await expect(guard.end()).rejects.toThrow(/bus mastering cannot be switched off in .*config/);
    expect(command()).toBe(MASTERING);
  });

  test('a function that nobody can ask any more is not taken for a quiet one', async () => {
    const guard = await early('exit 0');
    await guard.lost;
    rmSync(config);
    await expect(guard.end()).rejects.toThrow(/ENOENT/);
  });
});

test('a suite that is killed leaves a function that does not master the bus', async () => {
  const script = `
    import { openSync, writeFileSync } from 'node:fs';
    import { DmaGuard } from ${JSON.stringify(join(import.meta.dirname, '../../../dist/duts/pci/dma-guard.js'))};
    await DmaGuard.start(${JSON.stringify(config)}, [openSync(${JSON.stringify(join(folder, 'memory'))}, 'r+')]);
    writeFileSync(${JSON.stringify(join(folder, 'ready'))}, '');
    setInterval(() => {}, 1000);`;
  const suite = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  await vi.waitFor(() => expect(existsSync(join(folder, 'ready'))).toBe(true), { timeout: 20_000 });
  expect(command()).toBe(MASTERING);
  suite.kill('SIGKILL');
  await vi.waitFor(() => expect(command()).toBe(QUIET), { timeout: 20_000 });
}, 60_000);
