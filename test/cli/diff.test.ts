/** `vscsi diff` of stored results, and of two devices that are run for it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EMPTY_GATE } from '../../src/run/gate.js';
import { CASES, RESULTS } from '../report/sample.js';
import { FIXTURES, finish, start } from './vscsi.js';

/** Compares the sample with a changed copy. */
async function compared(change: (text: string) => string, ...more: string[]) {
  const run = start('diff', '@a.json', '@b.json', ...more);
  const text = JSON.stringify({ ...RESULTS, gate: EMPTY_GATE });
  writeFileSync(join(run.folder, 'a.json'), text);
  writeFileSync(join(run.folder, 'b.json'), change(text));
  return { code: await run.ended(), run };
}

test('results that are the same differ in nothing: 0', async () => {
  const { code, run } = await compared((text) => text);
  expect(run.lastLine).toBe('no difference');
  expect(code).toBe(0);
});

test('bytes that differ are shown under each other, by the names of the sides: 1', async () => {
  const { code, run } = await compared((text) => text.replace('"gotBytes":"01ff"', '"gotBytes":"01fe"'));
  expect(run.output).toMatch(/are wrong in different ways: 1\n {2}a\.fail\[#1, x\]: A fail, B fail/);
  expect(run.output).toMatch(/0000 {2}A {2}01 ff\n {12}B {2}01 fe\n {18}\^\^/);
  expect(code).toBe(1);
});

test('as JSON', async () => {
  const { code, run } = await compared((text) => text.replace('"is":"one way"', '"is":"another"'), '--json');
  const { differences } = JSON.parse(run.output) as { differences: { id: string; kind: string }[] };
  expect(differences).toMatchObject([{ id: CASES[0]?.id, kind: 'allowed' }]);
  expect(code).toBe(1);
});

test('two devices are run and compared', async () => {
  const run = start(
    ...['diff', '--dut', '@good.yaml', '--dut', '@bad.yaml', '--cases', join(FIXTURES, 'stall.yaml')],
    ...['--seed', '1'],
  );
  writeFileSync(join(run.folder, 'good.yaml'), 'dut: model\n');
  writeFileSync(join(run.folder, 'bad.yaml'), 'dut: model\nscale: {targets: 2, units: 3}\n');
  expect(await run.ended()).toBe(0);
  expect(run.output).toMatch(/^A {2}model .*good\.yaml, 3 results/m);
  expect(run.lastLine).toBe('no difference');
  const { code, run: gone } = await finish(
    ...['diff', '--dut', 'model', '--dut', '/no/such.yaml', '--cases', join(FIXTURES, 'stall.yaml')],
  );
  expect(gone.output).toMatch(/no\/such\.yaml/);
  expect(code).toBe(2);
});

test.each([
  [['diff', 'a'], /expected two results files, or --dut twice/],
  [['diff', '--dut', 'model'], /expected two devices, got 1/],
  [['diff', 'a', '--dut', 'model', '--dut', 'model'], /either results files or --dut, not both/],
  [['diff', 'a', 'b', '--select', 'x'], /--select concerns --dut/],
  [['diff', '/no/a', '/no/b'], /\/no\/a: ENOENT/],
])('2 for %j', async (args, message) => {
  const { code, run } = await finish(...args);
  expect(run.output).toMatch(message);
  expect(code).toBe(2);
});
