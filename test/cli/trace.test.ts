/** `vscsi run --trace`: what a case exchanged with the device, in a file of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIXTURES, start } from './vscsi.js';

test('a trace has every step, request and answer', async () => {
  const run = start('run', '--dut', 'model', '--select', 'spc.test-unit-ready.good', '--trace', '@tr');
  expect(await run.ended()).toBe(0);
  expect(readdirSync(join(run.folder, 'tr'))).toEqual(['spc.test-unit-ready.good.txt']);
  const text = readFileSync(join(run.folder, 'tr/spc.test-unit-ready.good.txt'), 'utf8');
  expect(text).toMatch(/^spc\.test-unit-ready\.good\n\nstep 1: \w+ {2}\(.*\.yaml:\d+\)\n/);
  // The header of 51 bytes: LUN 01 .., then the CDB of six zero bytes at the end; the answer of 108, all zero.
  expect(text).toMatch(/-> queue 2 head \d+: TEST UNIT READY.*\n {5}out @[0-9a-f]{11} 01[0-9a-f]{36}0{64}\n/);
  expect(text).toMatch(
    /<- queue 2 head \d+: used len 108, .*response OK, status GOOD, residual 0\n {5}in {2}@[0-9a-f]{11} 0{24}/,
  );
  expect(text).toMatch(/\nverdict pass\n$/);
});

test('the trace of a case that the device does not survive ends with the request', async () => {
  const run = start(
    ...['run', '--dut', 'model', '--cases', join(FIXTURES, 'stall.yaml'), '--select', 'stall.here'],
    ...['--mutant', 'stall.loop-forever', '--timeout', '500', '--trace', '@tr'],
  );
  expect(await run.ended()).toBe(1);
  const text = readFileSync(join(run.folder, 'tr/stall.here.txt'), 'utf8');
  expect(text).toMatch(/-> queue \d+ head \d+: .*\n( {5}(out|in ) @.*\n)+$/);
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
