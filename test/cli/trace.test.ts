/** `vscsi run --trace`: what a case exchanged with the device, in a file of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import schema from '../../src/report/trace.schema.json' with { type: 'json' };
import { FIXTURES, finish, start } from './vscsi.js';

interface Line {
  readonly type: string;
  readonly layout?: { readonly piHeader?: string };
  readonly fields?: readonly { readonly name: string; readonly offset: number; readonly meaning?: string }[];
}

const isLine = new Ajv({ strict: false }).compile(schema);

/** The lines of a trace, each of which has to be as the schema says. */
function recordsOf(file: string): Line[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const record = JSON.parse(line) as Line;
      expect(isLine(record), `${line}: ${JSON.stringify(isLine.errors)}`).toBe(true);
      return record;
    });
}

test('a trace has every step, request and answer', async () => {
  const run = start('run', '--dut', 'model', '--select', 'spc.test-unit-ready.good', '--trace', '@tr');
  expect(await run.ended()).toBe(0);
  expect(readdirSync(join(run.folder, 'tr')).sort()).toEqual([
    'spc.test-unit-ready.good.jsonl',
    'spc.test-unit-ready.good.txt',
  ]);
  const text = readFileSync(join(run.folder, 'tr/spc.test-unit-ready.good.txt'), 'utf8');
  expect(text).toMatch(/^spc\.test-unit-ready\.good\n {2}\. write common\.device_status \(bar\d\+0x.*\n/);
  expect(text).toMatch(/\n\nstep 1: \w+ {2}\(.*\.yaml:\d+\)\n/);
  expect(text).toMatch(/ = 0xf {2}[A-Z_|]*DRIVER_OK[A-Z_|]*\n/);
  expect(text).toMatch(/\n {5}descriptor \d+: @[0-9a-f]{11} len 51 NEXT -> \d+\n/);
  expect(text).toMatch(/\n {5}out 0013 {2}cdb +32 bytes +TEST UNIT READY\n/);
  // The header of 51 bytes: LUN 01 .., then the CDB of six zero bytes at the end; the answer of 108, all zero.
  expect(text).toMatch(/-> queue 2 head \d+: TEST UNIT READY.*\n {5}out @[0-9a-f]{11} 01[0-9a-f]{36}0{64}\n/);
  expect(text).toMatch(
    /<- queue 2 head \d+: used len 108, .*response OK, status GOOD, residual 0\n {5}in {2}@[0-9a-f]{11} 0{24}/,
  );
  expect(text).toMatch(/\nverdict pass\n$/);
  const lines = recordsOf(join(run.folder, 'tr/spc.test-unit-ready.good.jsonl'));
  expect(lines.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['trace', 'register', 'step', 'sent', 'returned', 'verdict']),
  );
});

test('a chain of a packed ring is shown where it lies, before the device is notified', async () => {
  const run = start(
    ...[
      'run',
      '--dut',
      'model',
      '--select',
      'spc.test-unit-ready.good',
      '--modes',
      'pci.packed',
      '--trace',
      '@tr',
    ],
  );
  expect(await run.ended()).toBe(0);
  const [name] = readdirSync(join(run.folder, 'tr')).filter((file) => file.endsWith('.jsonl'));
  const types = recordsOf(join(run.folder, 'tr', name ?? '')).map(({ type }) => type);
  const sent = types.indexOf('sent');
  expect(types.slice(sent, sent + 3)).toEqual(['sent', 'placed', 'register']);
  const text = readFileSync(join(run.folder, 'tr', name?.replace('.jsonl', '.txt') ?? ''), 'utf8');
  expect(text).toMatch(
    /\n {5}head \d+\n {5}descriptor \d+: @[0-9a-f]{11} len 51 NEXT\|(AVAIL|USED) id \d+\n/,
  );
});

test('without a folder the trace is shown, and nothing of it stays', async () => {
  const { code, output, run } = await finish(
    ...['run', '--dut', 'model', '--select', 'spc.test-unit-ready.good', '--trace'],
  );
  expect(code).toBe(0);
  expect(output).toMatch(/-> queue 2 head \d+: TEST UNIT READY/);
  expect(readdirSync(join(run.folder, 'tmp'))).toEqual([]);
});

test('with VIRTIO_SCSI_F_T10_PI a request is read by the layout that it has', async () => {
  const run = start('run', '--dut', 'model', '--select', 'scsi.pi.*', '--trace', '@tr');
  expect(await run.ended()).toBe(0);
  const folder = join(run.folder, 'tr');
  const sent = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => recordsOf(join(folder, name)))
    .filter(({ type, layout }) => type === 'sent' && layout?.piHeader !== undefined);
  const headers = new Set(sent.map(({ layout }) => layout?.piHeader));
  expect([...headers].sort()).toEqual(['linux', 'literal']);
  for (const { layout, fields = [] } of sent) {
    const at = (name: string) => fields.find((field) => field.name === name)?.offset;
    expect(at('cdb')).toBe(layout?.piHeader === 'linux' ? 27 : 19);
    expect(at('pi_bytesout')).toBe(layout?.piHeader === 'linux' ? 19 : 51);
    expect(fields.find(({ name }) => name === 'cdb')?.meaning).not.toMatch(/does not know/);
  }
});

test('the trace of a case that the device does not survive ends with the request', async () => {
  const run = start(
    ...['run', '--dut', 'model', '--cases', join(FIXTURES, 'stall.yaml'), '--select', 'stall.here'],
    ...['--mutant', 'stall.loop-forever', '--timeout', '500', '--trace', '@tr'],
  );
  expect(await run.ended()).toBe(1);
  const text = readFileSync(join(run.folder, 'tr/stall.here.txt'), 'utf8');
  expect(text).toMatch(/-> queue \d+ head \d+: .*\n( {5}.*\n)+( {2}\. write notify.*\n)?$/);
});

test('a trace that cannot be written costs no result', async () => {
  const run = start(
    ...['run', '--dut', 'model', '--select', 'spc.test-unit-ready.*'],
    ...['--trace', '/dev/null/tr', '--report', 'json=@r.json'],
  );
  const code = await run.ended();
  expect(run.output.match(/no trace: /g)).toHaveLength(1);
  expect(run.results('r.json').cases.map(({ verdict }) => verdict)).not.toContain('error');
  expect(code).toBe(5);
});
