/** Nothing outlives the suite, even one that is killed: no process, no file, no socket, no FIFO. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The scripts below run the built package, as users do; `npm test` builds it first. */
const DIST = fileURLToPath(new URL('../../../../dist/', import.meta.url));
const GONE_LIMIT_MS = 5000;

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'leftovers-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a module with a directory for temporary files of its own. */
function run(source: string): ChildProcess {
  const script = join(scratch, 'script.mjs');
  writeFileSync(script, `const DIST = ${JSON.stringify(DIST)};\n${source}`);
  const temporary = join(scratch, 'tmp');
  return spawn('sh', ['-c', 'mkdir -p "$TMPDIR" && exec node "$0"', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, as a shell would give it: one script sends it a signal.
    detached: true,
    env: { ...process.env, TMPDIR: temporary },
  });
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'));
  }
  throw new Error('the script has said nothing');
}

function temporaryFiles(): string[] {
  return readdirSync(join(scratch, 'tmp'));
}

/** Processes that were started with this directory for temporary files. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${scratch}`);
      } catch {
        return false;
      }
    });
}

async function until(condition: () => boolean): Promise<void> {
  const limit = Date.now() + GONE_LIMIT_MS;
  while (!condition() && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 10));
}

const START = `
const { startQemu } = await import(DIST + 'duts/qemu/start.js');
const { openQemuPort } = await import(DIST + 'duts/qemu/port.js');
`;

it('has a build to test', () => {
  expect(existsSync(join(DIST, 'duts/qemu/start.js')), 'npm run build comes first').toBe(true);
});

describe.each(['true', 'false'])('a suite with mmap %s', (mmap) => {
  it('that is killed takes QEMU with it', async () => {
    const shm = readdirSync('/dev/shm').sort();
    const suite = run(`${START}
      const dut = await startQemu({ mmap: ${mmap} });
      const port = openQemuPort(dut.attach, { offered: new Set(), call() {} });
      port.dma.alloc(4096).publish();
      port.lifecycle.settle();
      console.log(dut.pid);
      setInterval(() => {}, 1000);
    `);
    const pid = await firstLine(suite);
    expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toContain('-qtest\0stdio');
    expect(processes()).toContain(pid);
    expect(temporaryFiles()).toEqual([]);
    suite.kill('SIGKILL');
    await once(suite, 'close');
    await until(() => processes().length === 0);
    expect(processes()).toEqual([]);
    expect(temporaryFiles()).toEqual([]);
    expect(readdirSync('/dev/shm').sort()).toEqual(shm);
  });

  it('that is killed while it starts leaves nothing either', async () => {
    for (const delay of [0, 2, 4, 6, 8, 10, 15, 20, 40]) {
      const suite = run(`${START}
        console.log('starting');
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${delay});
        await startQemu({ mmap: ${mmap} });
        setInterval(() => {}, 1000);
      `);
      await once(suite, 'close');
      expect(suite.signalCode).toBe('SIGKILL');
      await until(() => processes().length === 0 && temporaryFiles().length === 0);
      expect(processes()).toEqual([]);
      expect(temporaryFiles()).toEqual([]);
    }
  });
});

it('leaves nothing when the suite ends without stopping QEMU', async () => {
  const suite = run(`${START}
    await startQemu();
    process.exit(0);
  `);
  suite.stdout?.resume();
  await once(suite, 'close');
  expect(suite.exitCode).toBe(0);
  await until(() => processes().length === 0);
  expect(processes()).toEqual([]);
  expect(temporaryFiles()).toEqual([]);
});

it('does not pass an interrupt from the terminal on to QEMU', async () => {
  const suite = run(`${START}
    const dut = await startQemu();
    process.on('SIGINT', async () => {
      // QEMU ends at once where the interrupt reaches it.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await dut.control({ name: 'power-cycle' });
      await dut.stop();
      console.log((await dut.exited).code);
    });
    console.log('started');
    process.kill(0, 'SIGINT');
  `);
  let output = '';
  suite.stdout?.on('data', (chunk) => {
    output += String(chunk);
  });
  await once(suite, 'close');
  expect(output).toBe('started\n0\n');
});
