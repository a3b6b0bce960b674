/** The adapter where the optional module is not installed. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../../../../dist/', import.meta.url));

let directory: string;
beforeEach(() => {
  expect(existsSync(join(DIST, 'duts/qemu/start.js')), 'npm run build comes first').toBe(true);
  // A copy of the build, from where no node_modules can be found.
  directory = mkdtempSync(join(tmpdir(), 'without-koffi-'));
  for (const part of ['duts', 'port', 'sys', 'wire'])
    cpSync(join(DIST, part), join(directory, part), { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function run(body: string): Promise<unknown> {
  const script = join(directory, 'script.js');
  writeFileSync(
    script,
    `import { qemuObstacles, startQemu } from './duts/qemu/start.js';
    import { openQemuPort } from './duts/qemu/port.js';
    const result = await (async () => { ${body} })();
    console.log(JSON.stringify(result));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  return JSON.parse(stdout);
}

it('copies memory instead, and says so', async () => {
  const result = await run(`
    const dut = await startQemu();
    const port = openQemuPort(dut.attach, { offered: new Set(), call() {} });
    const block = port.dma.alloc(4);
    block.view.set([1, 2, 3, 4]);
    block.publish();
    block.view.fill(0);
    block.fetch();
    port.close();
    await dut.stop();
    return { memory: dut.identity.details.memory, mapped: port.dma.mapped, bytes: [...block.view] };
  `);
  expect(result).toEqual({
    memory: 'copied through qtest, because koffi is missing',
    mapped: false,
    bytes: [1, 2, 3, 4],
  });
});

it('does not start if mapping was asked for', async () => {
  const result = await run(`
    const refusal = await startQemu({ mmap: true }).then(() => 'started', (error) => error.message);
    return { obstacles: qemuObstacles({ mmap: true }), without: qemuObstacles(), refusal };
  `);
  expect(result).toEqual({
    obstacles: [
      { what: expect.stringContaining('koffi'), remedy: expect.stringContaining('npm install koffi') },
    ],
    without: [],
    refusal: expect.stringContaining('koffi'),
  });
});
