/** The commands beside `vscsi run`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FIXTURES, finish, MAIN } from './vscsi.js';

describe('list', () => {
  test('as JSON gives what is known of each case', async () => {
    const { output } = await finish('list', '--json', '--select', 'scsi.req.overrun.*');
    const { cases } = JSON.parse(output) as { cases: Record<string, unknown>[] };
    expect(cases.length).toBeGreaterThan(0);
    for (const each of cases) {
      expect(Object.keys(each)).toEqual(['id', 'title', 'area', 'needs', 'file', 'covers']);
      expect(each).toMatchObject({
        area: 'scsi',
        needs: expect.any(Array),
        covers: expect.arrayContaining([expect.stringMatching(/./)]),
        file: expect.stringMatching(/spec-cases\/.*\.yaml$/),
      });
    }
  });
  test('with --waived gives the checks that are turned off, and why', async () => {
    const { output } = await finish('list', '--json', '--waived');
    const { cases } = JSON.parse(output) as { cases: { waive: Record<string, string> }[] };
    for (const { waive } of cases) expect(Object.values(waive).join('')).toMatch(/./);
  });
});

describe('show', () => {
  test('a case, by the id of an expansion: its source and its requirements in words', async () => {
    const { code, output } = await finish('show', 'scsi.req.overrun.short-data-in[2]');
    expect(code).toBe(0);
    expect(output).toMatch(/^scsi\.req\.overrun\.short-data-in$/m);
    expect(output).toMatch(/^ {4}scsi\.req\.response-overrun \(MUST; .*Request Queues\)$/m);
    expect(output).toMatch(/^ {6}OVERRUN is returned when/m);
    expect(output).toMatch(/^id: scsi\.req\.overrun\.short-data-in$/m);
    expect(output).toMatch(/^steps:$/m);
    // The next case of the file is not part of it.
    expect(output.match(/^\s*(- )?id: /gm)).toHaveLength(1);
  });
  test('names near ids for one that is not there', async () => {
    const { code, output } = await finish('show', 'scsi.req.overrun.short-data');
    expect(code).toBe(2);
    expect(output).toMatch(/there is no case .*; did you mean scsi\.req\.overrun\.short-data-in/);
  });
});

test('doctor says what can run here, and what is missing for the rest', async () => {
  const [here, without] = await Promise.all([finish('doctor'), finish('doctor', '--qemu', '/no/such/qemu')]);
  expect(here.code).toBe(0);
  expect(here.output).toMatch(/^ok +model: version/m);
  expect(here.output).toMatch(/^ok +qemu: version \d/m);
  expect(without.code).toBe(0);
  expect(without.output).toMatch(/^missing +qemu$/m);
  expect(without.output).toMatch(/there is no program \/no\/such\/qemu\n +apt-get install qemu-system-x86/);
});

/** Starts a command whose output nobody reads; its exit code and standard error. */
async function unread(...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

test('a report that nobody reads ends its command quietly, and the others are written', async () => {
  const stall = ['--cases', join(FIXTURES, 'stall.yaml')];
  const { run, code } = await finish('run', '--dut', 'model', ...stall, '--report', 'json=@r.json');
  expect(code).toBe(0);
  const other = join(run.folder, 'other.xml');
  const reports = ['--report', 'json=-', '--report', `junit=${other}`];
  const gated = await unread('gate', join(run.folder, 'r.json'), ...reports);
  expect(gated.code).toBe(141);
  expect(gated.stderr).not.toMatch(/could not be written/);
  expect(existsSync(other)).toBe(true);
  const ran = await unread('run', '--dut', 'model', ...stall, '--report', 'jsonl=-');
  expect(ran.code).toBe(141);
  expect(ran.stderr).not.toMatch(/could not be written/);
});

test('output that nobody reads any more ends the command quietly', () => {
  const script = 'set -o pipefail; "$0" "$1" run --dut model --verbose | head -n 1; echo $?';
  const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
  expect(stdout).toMatch(/^model .*\n141\n$/);
  expect(stderr).toBe('');
});
