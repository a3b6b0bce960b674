/** PCI functions behind vfio-user, from the command line: the model in another process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { shellWords } from '../../src/sys/shell-words.js';
import { acceptsConnections } from '../../src/sys/unix-socket.js';
import { finish, MAIN, start, type Vscsi } from './vscsi.js';

const SERVE = [process.execPath, MAIN, 'serve', '--vfio-user', '{socket}', '--transport', '{transport}'];
/** Cases about MSI-X, the line, the capability list, residuals and a new start of the device. */
const SOME = ['msix.*', 'notify.line.*', 'pci.cap*', 'scsi.req.residual.long*', 'scsi.event.hot*'].flatMap(
  (glob) => ['--select', glob],
);

/** What became of each case, and why those that were skipped were. */
const verdicts = (run: Vscsi) =>
  run.results('r.json').cases.map(({ id, mode, verdict, skip }) => ({ id, mode, verdict, skip: skip?.kind }));
const running = (device: readonly string[], ...more: string[]) =>
  finish('run', ...device, '--seed', '5', '--report', 'json=@r.json', ...more);

/** A profile of the served model, which tells of all that it can do. */
function profileOf({ folder }: Vscsi, backend: readonly string[]): string {
  const profile = join(folder, 'served.yaml');
  writeFileSync(
    profile,
    `dut: vfio-user\nbackend: ${JSON.stringify(backend)}\nmsix_masks: true\nintx_status: true\n`,
  );
  return profile;
}

describe('the model in another process', () => {
  test('passes and skips what it does in this one, by either interface', async () => {
    const modes = ['--modes', 'pci.split,pci-legacy.split', ...SOME];
    const here = await running(['--dut', 'model'], ...modes);
    expect(verdicts(here.run).length).toBeGreaterThan(60);
    const profile = profileOf(here.run, [...SERVE, '--control', '{control}']);
    const there = await running(['--dut', profile], ...modes);
    expect(new Set(verdicts(there.run).map(({ mode }) => mode)).size).toBe(2);
    expect(verdicts(there.run)).toEqual(verdicts(here.run));
    expect(there.code).toBe(here.code);
    expect(there.run.leftovers()).toEqual([]);
  });

  test('is not asked what nobody has said that its function shows', async () => {
    const { run, code } = await running(
      ['--dut', 'vfio-user', '--backend', shellWords(SERVE)],
      ...['--select', 'msix.delivery.*', '--select', 'msix.table.entries', '--select', 'notify.line.*'],
    );
    expect(code).toBe(0);
    const { cases } = run.results('r.json');
    const why = (glob: RegExp) => cases.find(({ id }) => glob.test(id))?.skip?.evidence;
    expect(why(/^msix.delivery.masked/)).toMatch(/stands between the driver and the MSI-X table/);
    expect(why(/^msix.table.entries/)).toMatch(/stands between the driver and the MSI-X table/);
    expect(
      cases.some(({ id, verdict }) => id.startsWith('msix.delivery.each-vector') && verdict === 'pass'),
    ).toBe(true);
  });

  test('is found out when it misbehaves', async () => {
    const backend = shellWords([...SERVE, '--mutant', 'response.overrun-swallowed']);
    const { code, output } = await running(
      ['--dut', 'vfio-user', '--backend', backend],
      ...['--select', 'scsi.req.overrun.short-data-in'],
    );
    expect(code).toBe(1);
    expect(output).toContain('NOT CONFORMANT');
  });

  test('is there for one client after another, and goes without a trace', async () => {
    const served = start('serve', '--vfio-user', '@s');
    const socket = join(served.folder, 's');
    await served.until('it listens', () => acceptsConnections(socket));
    for (const dut of [`vfio-user:${socket}`, `vfio-user:unix:${socket}`]) {
      const { code, output } = await finish('run', '--dut', dut, '--select', 'scsi.req.layout.*');
      expect(output).toContain('CONFORMANT');
      expect(code).toBe(0);
    }
    served.kill('SIGTERM');
    expect(await served.ended()).toBe(0);
    expect(acceptsConnections(socket)).toBe(false);
  });

  test('does without memory that it cannot map, and says so', async () => {
    const { code, output } = await finish(
      ...['run', '--dut', 'vfio-user', '--backend', shellWords(SERVE), '--no-mmap'],
      ...['--select', 'spc.test-unit-ready.good'],
    );
    expect(code).toBe(3);
    expect(output).toContain('the server maps memory or does without (leave --no-mmap out)');
  });
});

test('a server that dies is a crash, and the run goes on with another', async () => {
  const run = start(
    ...['run', '--dut', 'vfio-user', '--backend', shellWords(SERVE), '--select', 'scsi.req.*'],
    ...['--report', 'json=@r.json', '--report', 'jsonl=@r.jsonl'],
  );
  const results = () => run.lines('r.jsonl').filter((line) => 'verdict' in line);
  await run.until('a first result', () => results().length > 3);
  const backend = run.processes('node').find((pid) => pid !== run.pid);
  process.kill(backend ?? 0, 'SIGKILL');
  expect(await run.ended()).toBe(1);
  const { cases } = run.results('r.json');
  const crashed = cases.filter(({ verdict }) => verdict === 'crash');
  expect(crashed.length).toBe(1);
  expect(crashed[0]?.findings[0]?.got).toMatch(/signal SIGKILL/);
  expect(cases.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(4);
});

test.each([
  ['nobody is there', ['--dut', 'vfio-user:/nowhere/s'], /nobody listens at \/nowhere\/s/, 3],
  ['nobody is named', ['--dut', 'vfio-user'], /no back-end is named\n\s+--dut vfio-user:SOCKET/, 3],
  [
    'another protocol is spoken',
    [
      ...['--dut', 'vfio-user', '--backend'],
      `node -e 'require("net").createServer((s) => s.write("220 mail ready, and long enough")).listen(process.argv[1])' {socket}`,
    ],
    /the server's reply to a command: expected a message of 16 to \d+ bytes/,
    3,
  ],
])('%s: the set-up fails with what is wrong', async (_, device, message, expected) => {
  const { code, output } = await finish('run', ...device, '--select', 'spc.test-unit-ready.good');
  expect(output).toMatch(message);
  expect(code).toBe(expected);
});

test.each([
  [['serve', '--vfio-user', '/tmp/a', '--socket', '/tmp/b'], 'either --socket or --vfio-user'],
  [['serve', '--socket', '/tmp/a', '--transport', 'pci'], '--transport is for a PCI function'],
  [['serve'], '--socket says where front-ends connect, --vfio-user where clients do'],
])('%s is refused', async (words, message) => {
  const { code, output } = await finish(...words);
  expect(code).toBe(2);
  expect(output).toContain(message);
});
