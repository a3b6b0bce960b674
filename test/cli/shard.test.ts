/** Runs in parts, and runs that go on, on the model: both end with the results of a run in one piece. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseResults } from '../../src/report/read-results.js';
import type { RunResults } from '../../src/run/results.js';
import { FIXTURES, finish, start, Vscsi } from './vscsi.js';

/** Some hundreds of results by two transports, some of them red. */
const RUN = [
  ...['run', '--dut', 'model', '--seed', '5', '--area', 'scsi-tmf', '--modes', 'pci*'],
  ...['--mutant', 'tmf.reset-without-effect'],
];

/** What does not depend on when it happened, and after what: tags are counted from the start of a device. */
function lasting({ environment: _, gate: __, cases, request, ...rest }: RunResults & { gate?: unknown }) {
  const { shard: ___, ...asked } = request ?? { shard: undefined };
  return {
    ...rest,
    request: asked,
    cases: cases.map(({ durationMs: ____, findings, ...result }) => ({
      ...result,
      findings: findings.map(({ sent: _____, exchange: ______, ...finding }) => finding),
    })),
  };
}

let whole: Vscsi;
beforeAll(async () => {
  whole = new Vscsi([...RUN, '--report', 'json=@r.json', '--report', 'jsonl=@r.jsonl']);
  await whole.ended();
  return () => whole.dispose();
});

test('three parts, put together, are the whole, and one left out or from elsewhere is refused', async () => {
  const parts = await Promise.all(
    [1, 2, 3].map((index) => finish(...RUN, '--shard', `${index}/3`, '--report', 'jsonl=@p.jsonl')),
  );
  const files = parts.map(({ run }) => join(run.folder, 'p.jsonl'));
  const merged = await finish('merge', ...files, '--report', 'json=@all.json', '--report', 'junit=@all.xml');
  expect(merged.run.output).toMatch(/^3 parts of model/);
  expect(merged.code).toBe(0);
  expect(lasting(merged.run.results('all.json'))).toEqual(lasting(whole.results('r.json')));
  expect(readFileSync(join(merged.run.folder, 'all.xml'), 'utf8')).toMatch(/<testsuites>/);
  const [first = '', second = ''] = files;
  const [hole, overlap, foreign] = await Promise.all([
    finish('merge', first, second),
    finish('merge', ...files, first),
    finish('merge', first, second, join(whole.folder, 'r.jsonl')),
  ]);
  expect(hole.run.output).toMatch(/there is a hole: of 3 parts 3 is missing/);
  expect(overlap.run.output).toMatch(/overlap: both are part 1 of 3/);
  expect(foreign.run.output).toMatch(/is no part of a run/);
  expect([hole.code, overlap.code, foreign.code]).toEqual([2, 2, 2]);
});

test('parts make the same random choices without being told; a part without cases is no failure', async () => {
  const run = (part: string) =>
    finish(
      ...['run', '--dut', 'model', '--cases', join(FIXTURES, 'stall.yaml')],
      ...['--shard', part, '--report', 'json=@p.json'],
    );
  const parts = await Promise.all(['1/4', '2/4', '3/4', '4/4'].map(run));
  expect(parts.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(new Set(parts.map(({ run }) => run.results('p.json').seed)).size).toBe(1);
  expect(parts.filter(({ run }) => run.results('p.json').summary.total === 0).length).toBeGreaterThan(0);
  const merged = await finish('merge', ...parts.map(({ run }) => join(run.folder, 'p.json')));
  expect(merged.run.output).toMatch(/^4 parts .* 3 results/);
});

test.each(['0/2', '3/2', '1', '1/0', 'a/b'])('there is no part %s', async (part) => {
  const { code, run } = await finish('run', '--dut', 'model', '--shard', part);
  expect(run.output).toMatch(/expected INDEX\/COUNT with an index from 1 to the count/);
  expect(code).toBe(2);
});

describe('a run that goes on', () => {
  /** Kills a run when it has some results, and leaves its stream. */
  async function killed(): Promise<string> {
    const run = start(...RUN, '--report', 'jsonl=@r.jsonl');
    await run.until('some results', () => run.lines('r.jsonl').length > 10);
    run.kill('SIGKILL');
    expect(await run.ended()).toBeNull();
    return join(run.folder, 'r.jsonl');
  }

  test('after SIGKILL ends with the results of one that was not cut off, though it is killed twice and writes to the file that it reads', async () => {
    const file = await killed();
    const before = parseResults(file, readFileSync(file, 'utf8'));
    expect(before.cutOff).toBe(true);
    expect(before.results.cases.length).toBeLessThan(whole.results('r.json').cases.length);
    const again = start(...RUN, '--resume', '@r.jsonl', '--report', 'jsonl=@r.jsonl');
    copyFileSync(file, join(again.folder, 'r.jsonl'));
    await again.until('more results', () => again.lines('r.jsonl').length > before.results.cases.length + 10);
    again.kill('SIGKILL');
    await again.ended();
    const last = start(
      ...RUN,
      '--resume',
      '@r.jsonl',
      '--report',
      'jsonl=@r.jsonl',
      '--report',
      'json=@r.json',
    );
    copyFileSync(join(again.folder, 'r.jsonl'), join(last.folder, 'r.jsonl'));
    expect(await last.ended()).toBe(1);
    expect(last.output).toMatch(/r\.jsonl: \d+ results are there already/);
    expect(lasting(last.results('r.json'))).toEqual(lasting(whole.results('r.json')));
    const stream = parseResults('r.jsonl', readFileSync(join(last.folder, 'r.jsonl'), 'utf8'));
    expect(lasting(stream.results)).toEqual(lasting(whole.results('r.json')));
  });

  test('that was whole already carries nothing out again', async () => {
    const { run } = await finish(
      ...RUN,
      '--resume',
      join(whole.folder, 'r.jsonl'),
      '--report',
      'json=@r.json',
    );
    const times = ({ cases }: RunResults) => cases.map(({ durationMs }) => durationMs);
    expect(times(run.results('r.json'))).toEqual(times(whole.results('r.json')));
  });

  test('starts from the beginning where there is nothing yet, so that one command line does both', async () => {
    const { run } = await finish(
      ...['run', '--dut', 'model', '--cases', join(FIXTURES, 'stall.yaml')],
      ...['--resume', '@r.jsonl', '--report', 'jsonl=@r.jsonl'],
    );
    expect(run.lastLine).toBe('CONFORMANT');
    expect(run.lines('r.jsonl').map(({ type }) => type)).toEqual([
      'header',
      'case',
      'case',
      'case',
      'footer',
    ]);
  });

  test.each([
    [['--strict'], /--strict was false, and is true/],
    [['--spec', '1.1'], /--spec was "1\.4", and is "1\.1"/],
    [['--seed', '6'], /was run with --seed 5/],
    [['--skip', 'scsi.ctrl*'], /the options was .*, and is .*"skip"/],
    [['--shard', '1/2'], /the options was .*, and is .*"shard"/],
  ])('is refused with other options: %j', async (more, message) => {
    const { code, run } = await finish(...RUN, ...more, '--resume', join(whole.folder, 'r.jsonl'));
    expect(run.output).toMatch(message);
    expect(code).toBe(2);
  });

  test('is refused on another device, and what is no stream', async () => {
    const text = readFileSync(join(whole.folder, 'r.jsonl'), 'utf8');
    const other = start(...RUN, '--resume', '@r.jsonl');
    writeFileSync(
      join(other.folder, 'r.jsonl'),
      text
        .replace(/"dut":\{"name":"model"/, '"dut":{"name":"other"')
        .split('\n')
        .slice(0, 9)
        .join('\n'),
    );
    const json = await finish(...RUN, '--resume', join(whole.folder, 'r.json'));
    expect(await other.ended()).toBe(2);
    expect(other.output).toMatch(/is of other .*, and this device is model/);
    expect(json.run.output).toMatch(
      /is no event stream; only what --report jsonl=FILE writes can be resumed/,
    );
    expect(json.code).toBe(2);
  });
});
