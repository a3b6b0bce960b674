/** Back-ends in another process: the model itself, and ones that die, stop or talk nonsense. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { shellWords } from '../../src/sys/shell-words.js';
import { acceptsConnections } from '../../src/sys/unix-socket.js';
import { finish, start, type Vscsi } from './vscsi.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SERVE = shellWords([process.execPath, MAIN, 'serve', '--socket', '{socket}']);

/** A run that is under way on a back-end of its own, and the process id of the back-end. */
async function underWay(...args: readonly string[]): Promise<{ run: Vscsi; backend: number }> {
  const run = start(
    'run',
    '--dut',
    'vhost-user',
    '--backend',
    SERVE,
    '--report',
    'json=@r.json',
    '--report',
    'jsonl=@r.jsonl',
    ...args,
  );
  await run.until('a first result', () => results(run).length > 3);
  // The suite itself is a process of that name, too.
  const backend = () => run.processes('node').find((pid) => pid !== run.pid);
  await run.until('a back-end', () => backend() !== undefined);
  const pid = backend();
  if (pid === undefined) throw new Error('the back-end is gone already');
  return { run, backend: pid };
}

const results = (run: Vscsi) => run.lines('r.jsonl').filter((line) => 'verdict' in line);

describe('the model in another process', () => {
  test('passes commands, task management and malformed requests as it does in this one', async () => {
    const { code, output, run } = await finish(
      ...['run', '--dut', 'vhost-user', '--backend', SERVE, '--report', 'json=@r.json'],
      ...['--select', 'scsi.req.*', '--select', 'hostile.chain.*', '--select', 'status.*'],
    );
    expect(output).toContain('CONFORMANT');
    expect(code).toBe(0);
    expect(run.results('r.json').summary.pass).toBeGreaterThan(220);
    expect(run.leftovers()).toEqual([]);
  });

  test('says by each skip which layer is not there', async () => {
    const { run } = await finish(
      ...['run', '--dut', 'vhost-user', '--backend', SERVE, '--report', 'json=@r.json'],
      ...['--select', 'pci.status.*', '--select', 'pci.command.*', '--select', 'features.*'],
    );
    const { cases } = run.results('r.json');
    const skipped = cases.filter(({ verdict }) => verdict === 'skip');
    expect(skipped.length).toBeGreaterThan(10);
    expect(skipped.every(({ skip }) => (skip?.evidence ?? '') !== '')).toBe(true);
    expect(skipped.map(({ skip }) => skip?.evidence)).toContain('the run is not pci');
  });

  test('is found out when it misbehaves', async () => {
    const serve = `${SERVE} --mutant response.overrun-swallowed`;
    const { code, output } = await finish(
      ...['run', '--dut', 'vhost-user', '--backend', serve, '--select', 'scsi.req.overrun*'],
    );
    expect(code).toBe(1);
    expect(output).toContain('NOT CONFORMANT');
  });

  test('is plugged, held and made to fail by its control socket, and no control is missing', async () => {
    const { code, output, run } = await finish(
      ...[
        'run',
        '--dut',
        'vhost-user',
        '--backend',
        `${SERVE} --control {control}`,
        '--report',
        'json=@r.json',
      ],
      ...['--select', 'scsi.event.*', '--select', 'scsi.resp.*', '--select', 'reset.in-flight.*'],
    );
    expect(output).toContain('CONFORMANT');
    expect(code).toBe(0);
    const { cases, summary } = run.results('r.json');
    expect(summary.pass).toBeGreaterThan(40);
    expect(cases.filter(({ skip }) => skip !== undefined && skip.kind !== 'no-layer')).toEqual([]);
  });

  test('takes controls at a socket that a profile names', async () => {
    const served = start('serve', '--socket', '@s', '--control', '@c');
    const [socket, control] = ['s', 'c'].map((name) => join(served.folder, name)) as [string, string];
    await served.until('it listens', () => acceptsConnections(socket));
    const profile = join(served.folder, 'served.yaml');
    writeFileSync(profile, `dut: vhost-user\nsocket: ${socket}\ncontrol_socket: ${control}\n`);
    const { code, output } = await finish('run', '--dut', profile, '--select', 'scsi.event.hot*');
    expect(output).toContain('CONFORMANT');
    expect(code).toBe(0);
    served.kill('SIGTERM');
    expect(await served.ended()).toBe(0);
    expect(existsSync(control)).toBe(false);
  });

  test('serves one front-end after another at a socket that somebody else has named', async () => {
    const served = start('serve', '--socket', '@s');
    const socket = join(served.folder, 's');
    await served.until('it listens', () => acceptsConnections(socket));
    for (let round = 0; round < 2; round++) {
      const { code, output } = await finish(
        ...['run', '--dut', `vhost-user:${socket}`, '--select', 'scsi.req.layout.*'],
      );
      expect(output).toContain('CONFORMANT');
      expect(code).toBe(0);
    }
    served.kill('SIGTERM');
    expect(await served.ended()).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });
});

describe('a back-end that fails in mid-run', () => {
  test('is a crash when it is killed, and the run goes on with another', async () => {
    const { run, backend } = await underWay('--select', 'scsi.req.*');
    const before = results(run).length;
    process.kill(backend, 'SIGKILL');
    expect(await run.ended()).toBe(1);
    const { cases, interrupted } = run.results('r.json');
    const crashed = cases.filter(({ verdict }) => verdict === 'crash');
    expect(crashed.length).toBe(1);
    expect(crashed[0]?.findings[0]?.got).toMatch(/signal SIGKILL/);
    expect(crashed[0]?.findings[0]?.reproduced).toBe(false);
    expect(interrupted).toBe(false);
    expect(cases.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(before);
  });

  test('is a hang when it stops answering', async () => {
    const { run, backend } = await underWay('--select', 'scsi.tmf.*', '--timeout', '20000');
    process.kill(backend, 'SIGSTOP');
    expect(await run.ended()).toBe(1);
    const hung = run.results('r.json').cases.filter(({ verdict }) => verdict === 'hang');
    expect(hung.length).toBe(1);
    expect(hung[0]?.findings[0]?.got).toMatch(/does not reply to \w+ within 8000 ms|no progress/);
  });
});

describe('a back-end that is none', () => {
  test.each([
    [
      'closes',
      'socket.destroy()',
      // What was sent and never read makes a reset of it.
      /the back-end (closed|broke) the connection (\(ECONNRESET\) )?when it was to (reply to|take) GET_FEATURES/,
    ],
    ['talks nonsense', "socket.write('HTTP/1.1 400 Bad Request\\r\\n\\r\\n')", /the back-end's reply to/],
    ['says nothing', '0', /the back-end does not reply to GET_FEATURES within 8000 ms; it sent nothing/],
  ])('%s: the set-up fails with what was received', async (_, deed, message) => {
    const run = start('doctor');
    const file = join(run.folder, 'fake.mjs');
    writeFileSync(
      file,
      `import { createServer } from 'node:net';
       createServer((socket) => { socket.on('error', () => {}); ${deed}; }).listen(process.argv[2]);`,
    );
    const { code, output } = await finish(
      ...['run', '--dut', 'vhost-user', '--backend', shellWords([process.execPath, file, '{socket}'])],
      ...['--select', 'scsi.req.*'],
    );
    expect(output).toMatch(message);
    expect(code).toBe(3);
  });

  test('that is not there is named', async () => {
    const { code, output } = await finish('run', '--dut', 'vhost-user:/nowhere/s', '--select', 'scsi.req.*');
    expect(output).toContain('nobody listens at /nowhere/s');
    expect(code).toBe(3);
  });

  test('that offers no controls where it said it would is named', async () => {
    const run = start('doctor');
    const file = join(run.folder, 'fake.mjs');
    writeFileSync(
      file,
      `import { createServer } from 'node:net';
       createServer(() => {}).listen(process.argv[2]);
       createServer((socket) => socket.end('pardon?\\n')).listen(process.argv[3]);`,
    );
    const { code, output } = await finish(
      ...['run', '--dut', 'vhost-user', '--select', 'scsi.req.*'],
      ...['--backend', shellWords([process.execPath, file, '{socket}', '{control}'])],
    );
    expect(output).toMatch(/the back-end offers no controls at .*: not a line of JSON: pardon\?/);
    expect(code).toBe(3);
  });

  test('that does not start is shown with what it said', async () => {
    const { code, output } = await finish(
      ...['run', '--dut', 'vhost-user', '--backend', "sh -c 'echo no licence >&2; exit 4' {socket}"],
    );
    expect(output).toMatch(/ended before it listened, with exit code 4: no licence/);
    expect(code).toBe(3);
  });

  test('that cannot be served where there is no folder comes with a remedy', async () => {
    const { code, output } = await finish('serve', '--socket', '/nowhere/s');
    expect(output).toContain('listening at /nowhere/s failed: ENOENT: make the folder first');
    expect(code).toBe(2);
  });

  test('without a word of how to reach it is refused', async () => {
    const { code, output } = await finish('run', '--dut', 'vhost-user', '--select', 'scsi.req.*');
    expect(output).toMatch(/no back-end is named.*\n.*--backend/);
    expect(code).toBe(3);
  });
});
