/** Remote devices from the command line: the model in another process, and devices that end or talk nonsense. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { shellWords } from '../../src/sys/shell-words.js';
import { finish, type Vscsi } from './vscsi.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SERVE = [process.execPath, MAIN, 'serve', '--remote'];
/** The memory in a file, which goes with the tests. */
const FOLDER = mkdtempSync(join(tmpdir(), 'vscsi-remote-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));
const MAPPED = [...SERVE, '--memory-file', join(FOLDER, 'memory')];
/** Cases about residuals, the capability list, rings with interrupts, and units that come and go. */
const SOME = ['scsi.req.residual*', 'pci.cap*', 'ring.indirect*', 'intr.*', 'scsi.event.hot*'].flatMap(
  (glob) => ['--select', glob],
);

/** What became of each case, and why those that were skipped were. */
const verdicts = (run: Vscsi) =>
  run.results('r.json').cases.map(({ id, mode, verdict, skip }) => ({ id, mode, verdict, skip: skip?.kind }));
const running = (device: readonly string[], ...more: string[]) =>
  finish('run', ...device, '--seed', '5', '--report', 'json=@r.json', ...more);

describe('the model in another process', () => {
  let here: { readonly code: number | null; readonly verdicts: ReturnType<typeof verdicts> };
  beforeAll(async () => {
    const { code, run } = await running(['--dut', 'model'], ...SOME);
    here = { code, verdicts: verdicts(run) };
    expect(here.verdicts.length).toBeGreaterThan(50);
  });

  test.each([
    ['copied', SERVE],
    ['mapped', MAPPED],
    ['by DMA messages', [...SERVE, '--dma-messages']],
  ])('passes and skips what it does in this one, with its memory %s', async (memory, serve) => {
    const there = await running(['--dut', 'remote', '--backend', shellWords(serve)], ...SOME);
    expect(there.output).toContain(`memory: ${memory}`);
    expect(verdicts(there.run)).toEqual(here.verdicts);
    expect(there.code).toBe(here.code);
    expect(there.run.leftovers()).toEqual([]);
  });

  test('does so with interrupts that it tells, and memory that it asks for', async () => {
    const select = ['scsi.req.residual*', 'msix.*', 'ring.framing.*', 'packed.*'].flatMap((glob) => [
      '--select',
      glob,
    ]);
    const here = await running(['--dut', 'model'], ...select);
    const backend = shellWords([...SERVE, '--dma-messages', '--interrupt-events']);
    const there = await running(['--dut', 'remote', '--backend', backend], ...select);
    expect(verdicts(there.run).length).toBeGreaterThan(50);
    expect(verdicts(there.run)).toEqual(verdicts(here.run));
  });

  test('does so by every transport that its profile names', async () => {
    const select = [
      '--select',
      'scsi.req.residual.long*',
      '--modes',
      'pci.split,pci-legacy.split,mmio.split,mmio-legacy.split',
    ];
    const here = await running(['--dut', 'model'], ...select);
    const profile = join(here.run.folder, 'remote.yaml');
    const words = JSON.stringify(MAPPED);
    writeFileSync(
      profile,
      `dut: remote\ncommand: ${words}\ntransports: [pci, pci-legacy, mmio, mmio-legacy]\n`,
    );
    const there = await running(['--dut', profile], ...select);
    expect(new Set(verdicts(there.run).map(({ mode }) => mode)).size).toBe(4);
    expect(verdicts(there.run)).toEqual(verdicts(here.run));
  });

  test('is found out when it misbehaves', async () => {
    const backend = shellWords([...MAPPED, '--mutant', 'response.overrun-swallowed']);
    const { code, output } = await running(
      ['--dut', 'remote', '--backend', backend],
      '--select',
      'scsi.req.overrun*',
    );
    expect(code).toBe(1);
    expect(output).toContain('NOT CONFORMANT');
  });
});

describe('at a socket', () => {
  const servers: { close(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  test.each(['unix', 'tcp'])('by %s each connection is a device', async (kind) => {
    const children: number[] = [];
    const server = createServer((socket) => {
      const child = spawn(SERVE[0] ?? '', SERVE.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
      if (child.pid !== undefined) children.push(child.pid);
      socket.on('error', () => {});
      child.stdin.on('error', () => {});
      socket.pipe(child.stdin);
      child.stdout.pipe(socket);
    });
    servers.push(server);
    const { run } = await finish('--version');
    const path = join(run.folder, 's');
    if (kind === 'unix') server.listen(path);
    else server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address =
      kind === 'unix' ? `unix:${path}` : `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, output } = await running(
      ['--dut', `remote:${address}`],
      '--select',
      'scsi.req.residual.zero*',
    );
    expect(output).toContain('CONFORMANT');
    expect(code).toBe(0);
    const check = await finish('remote', 'check', address);
    expect(check.output).toContain('nothing is wrong');
    expect(check.code).toBe(0);
    expect(children.length).toBeGreaterThan(1);
  });
});

/** A device that answers as the model does, until something is asked that these words of a program answer. */
const unless = (when: string, then: string): string =>
  shellWords([
    'node',
    '-e',
    `const {spawn} = require('node:child_process');
     const model = spawn(process.execPath, ${JSON.stringify(MAPPED.slice(1))}, {stdio: ['pipe', 'pipe', 'inherit']});
     model.stdout.pipe(process.stdout);
     let count = 0;
     require('node:readline').createInterface({input: process.stdin})
       .on('line', (line) => { count++; if (${when}) { ${then} } else model.stdin.write(line + '\\n'); })
       .on('close', () => model.stdin.end());`,
  ]);

describe('a device that', () => {
  /** After the driver has found out what there is, and in the middle of the cases. */
  const LATE = 'count > 2000';
  const SELECT = ['--select', 'scsi.req.residual*', '--timeout', '2000'];
  test.each([
    [
      'ends is a crash',
      unless(LATE, "console.error('out of luck'); process.exit(9)"),
      'crash',
      /out of luck/,
    ],
    ['says no more is a hang', unless(LATE, ''), 'hang', /./],
    [
      'says junk is an error',
      unless(LATE, "console.log('??')"),
      'error',
      /expected a line of JSON, got \?\?/,
    ],
    [
      'refuses a register is an error',
      unless(LATE, 'console.log(\'{"error":"worn out"}\')'),
      'error',
      /worn out/,
    ],
    [
      'says something else is an error',
      unless(LATE, 'console.log(\'{"dma":5}\')'),
      'error',
      /well-formed DMA/,
    ],
  ])('%s, and the run goes on', async (_, backend, verdict, words) => {
    const { code, output, run } = await running(['--dut', 'remote', '--backend', backend], ...SELECT);
    expect(code).toBe(1);
    expect(output).toMatch(words);
    const { cases } = run.results('r.json');
    expect(cases.map((each) => each.verdict)).toContain(verdict);
    expect(run.leftovers()).toEqual([]);
  });
});

describe('what cannot be set up', () => {
  test.each([
    [['--dut', 'remote'], /no remote device is named/, 3],
    [['--dut', 'remote', '--backend', 'no-such-program'], /there is no no-such-program/, 3],
    [['--dut', 'remote:unix:/nowhere'], /nobody is at unix:\/nowhere/, 3],
    [['--dut', 'remote:somewhere'], /somewhere is no address of a remote device/, 3],
    [['--dut', 'remote:unix:/nowhere', '--backend', 'true'], /both a command and an address/, 3],
    [
      ['--dut', 'remote', '--backend', 'echo hello'],
      /is no JSON: hello|ended before it said hello|has closed the line/,
      3,
    ],
  ])('%j', async (device, message, code) => {
    const run = await running(device, '--select', 'scsi.req.residual*');
    expect(run.output).toMatch(message);
    expect(run.code).toBe(code);
  });
});

describe('vscsi remote check', () => {
  const check = (...args: string[]) => finish('remote', 'check', ...args);

  test('has nothing against the model', async () => {
    const { code, output, run } = await check('--backend', shellWords(SERVE), '--transport', 'mmio');
    expect(output).toMatch(/^ok +hello is answered as the schema has it$/m);
    expect(output).toMatch(/^model \S+ by mmio\n\d+ checks, nothing is wrong\n$/m);
    expect(code).toBe(0);
    expect(run.leftovers()).toEqual([]);
  });

  test('says what is wrong, and goes on', async () => {
    const { code, output } = await check('--backend', unless('line.includes("poll")', "console.log('{}x')"));
    expect(output).toMatch(/^wrong +poll is answered\n +an answer that is no JSON: \{\}x$/m);
    expect(output).toMatch(/^ok +settle is answered$/m);
    expect(output).toMatch(/1 failed\n$/);
    expect(code).toBe(1);
  });

  test('says how the device ended, and what was not looked at', async () => {
    const backend = unless('line.includes("poll")', "console.error('no polls here'); process.exit(7)");
    const { code, output } = await check('--backend', backend);
    expect(output).toMatch(
      /^wrong +poll is answered\n +it has closed the line\n +it ended with exit code 7: no polls/m,
    );
    expect(output).toContain('What follows was not looked at.');
    expect(code).toBe(1);
  });

  test('does not wait for ever', async () => {
    const { code, output } = await check(
      '--timeout',
      '200',
      '--backend',
      unless('line.includes("settle")', ''),
    );
    expect(output).toContain('it did not answer within 200 ms');
    expect(code).toBe(1);
  });

  test.each([
    [[], 2, /either an address .* or --backend/],
    [['unix:/s', '--backend', 'true'], 2, /either an address/],
    [['--transport', 'vhost-user', 'unix:/s'], 2, /Allowed choices are pci, pci-legacy, mmio, mmio-legacy/],
    [['--backend', 'no-such-program'], 3, /there is no no-such-program/],
    [['unix:/nowhere'], 3, /nobody is at/],
  ])('%j ends with %i', async (args, code, message) => {
    const result = await check(...args);
    expect(result.output).toMatch(message);
    expect(result.code).toBe(code);
  });

  test('explains itself', async () => {
    const { code, output } = await check('--help');
    expect(code).toBe(0);
    for (const words of ['Examples:', 'Exit codes:', 'tcp:HOST:PORT']) expect(output).toContain(words);
  });
});
