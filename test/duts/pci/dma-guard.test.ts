import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DmaGuard } from '../../../src/duts/pci/dma-guard.js';

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
  closeSync(memory);
  rmSync(folder, { recursive: true });
});
const command = () => readFileSync(config).readUInt16LE(COMMAND);

test('bus mastering ends with the guard, and nothing else changes', async () => {
  const guard = await DmaGuard.start(config, memory);
  expect(command()).toBe(MASTERING);
  await guard.end();
  expect(command()).toBe(QUIET);
  const bytes = readFileSync(config);
  bytes.writeUInt16LE(0x5555, COMMAND);
  expect(bytes).toEqual(Buffer.alloc(64, 0x55));
  await guard.end();
});

test('a suite that is killed leaves a function that does not master the bus', async () => {
  const script = `
    import { openSync, writeFileSync } from 'node:fs';
    import { DmaGuard } from ${JSON.stringify(join(import.meta.dirname, '../../../dist/duts/pci/dma-guard.js'))};
    await DmaGuard.start(${JSON.stringify(config)}, openSync(${JSON.stringify(join(folder, 'memory'))}, 'r+'));
    writeFileSync(${JSON.stringify(join(folder, 'ready'))}, '');
    setInterval(() => {}, 1000);`;
  const suite = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  await vi.waitFor(() => expect(existsSync(join(folder, 'ready'))).toBe(true), { timeout: 20_000 });
  expect(command()).toBe(MASTERING);
  suite.kill('SIGKILL');
  await vi.waitFor(() => expect(command()).toBe(QUIET), { timeout: 20_000 });
}, 60_000);
