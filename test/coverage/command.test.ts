/** The commands, as built; and the watch over mutants that never come to an end. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { MutantFindings } from '../../src/coverage/mutation-evidence.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { FIXTURES, finish, start } from '../cli/vscsi.js';

type Pool = typeof import('../../src/coverage/mutation-pool.js');
const POOL = new URL('../../dist/coverage/mutation-pool.js', import.meta.url).href;

describe('vscsi coverage', () => {
  test('--json lists every requirement', async () => {
    const { code, output } = await finish('coverage', '--json');
    expect(code).toBe(0);
    const { requirements } = JSON.parse(output) as { requirements: Record<string, unknown>[] };
    expect(requirements).toHaveLength(703);
    for (const each of requirements)
      expect(Object.keys(each)).toEqual(
        expect.arrayContaining(['id', 'area', 'role', 'strength', 'testable', 'state', 'cases', 'witnesses']),
      );
  });
  test('refuses a document without markers, and what is no report', async () => {
    const run = start('coverage', '--write', '@plain.md');
    writeFileSync(join(run.folder, 'plain.md'), '# Plain\n');
    expect(await run.ended()).toBe(2);
    expect(run.output).toMatch(/plain\.md: expected one line/);
    expect(await finish('coverage', '--witness', '/no/such/file')).toMatchObject({ code: 2 });
  });
});

describe('vscsi mutate', () => {
  test('says what caught a mutant', async () => {
    const cases = fileURLToPath(new URL('fixtures/missing-unit.yaml', import.meta.url));
    const args = ['--cases', cases, '--select', 'lun.phantom-units', '--jobs', '1'];
    const { code, output } = await finish('mutate', ...args);
    expect(output).toMatch(/^caught +lun\.phantom-units +\d+\.\d s unit\.missing$/m);
    expect(output).toMatch(/^cases without proof, of 2: 1\n {2}unit\.there$/m);
    // A selection is not asked for proof of every case.
    expect(code).toBe(0);
  });
  test('tells it to programs and browsers, too', async () => {
    const cases = fileURLToPath(new URL('fixtures/missing-unit.yaml', import.meta.url));
    const run = start(
      'mutate',
      '--cases',
      cases,
      '--select',
      'lun.phantom-units',
      '--json',
      '--html',
      '@page.html',
    );
    expect(await run.ended()).toBe(0);
    expect(JSON.parse(run.output)).toMatchObject({
      summary: { mutants: 1, caught: 1, survivors: 0, casesWithoutProof: 1 },
      mutants: [{ id: 'lun.phantom-units', verdict: 'caught', proves: ['unit.missing'] }],
      evidence: { cases: { 'unit.missing': ['lun.phantom-units'], 'unit.there': [] } },
    });
    const page = readFileSync(join(run.folder, 'page.html'), 'utf8');
    expect(page).toMatch(/<code>lun\.phantom-units<\/code>.*<td>caught<\/td><td><code>unit\.missing<\/code>/);
    expect(page).not.toContain('<script');
  });
  test('ends with 1 when a mutant survives', async () => {
    const args = ['--cases', join(FIXTURES, 'stall.yaml'), '--select', 'lun.phantom-units', '--jobs', '1'];
    const { code, output } = await finish('mutate', ...args);
    expect(output).toMatch(/^survivors: 1\n {2}lun\.phantom-units$/m);
    expect(code).toBe(1);
  });
  test.each([
    [['--select', 'no.such-mutant'], /no mutant matches/],
    [['--select', 'lun.*', '--write'], /leave --select, --cases and --working out/],
  ])('refuses %j', async (args, message) => {
    const { code, output } = await finish('mutate', ...args);
    expect(output).toMatch(message);
    expect(code).toBe(2);
  });
});

test('a case that hangs is broken by the hang, and the others still run', async () => {
  const { runMutants } = (await import(POOL)) as Pool;
  const found: MutantFindings[] = [];
  await runMutants({
    files: checkCaseFiles([join(FIXTURES, 'stall.yaml')]).files,
    mutants: ['stall.loop-forever'],
    jobs: 1,
    hangMs: 1500,
    onFindings: (findings) => found.push(findings),
  });
  expect(found).toMatchObject([{ verdict: 'set-up', ownCases: [], otherCases: ['stall.here'] }]);
});
