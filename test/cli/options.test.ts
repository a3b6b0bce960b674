/** The options of `vscsi run`, most of them on the model with a few cases. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Parser } from 'tap-parser';
import { describe, expect, test } from 'vitest';
import type { CaseResult, RunResults } from '../../src/run/results.js';
import { FIXTURES, finish, MAIN, start, type Vscsi } from './vscsi.js';

const stall = ['--cases', join(FIXTURES, 'stall.yaml')];
const verdicts = (cases: readonly CaseResult[]) => cases.map(({ id, verdict }) => `${verdict} ${id}`);

describe('selection', () => {
  test.each([
    [
      ['--select', 'stall.b*', '--select', '*.here', '--area', 'scsi-req'],
      ['stall.before', 'stall.here'],
    ],
    [
      ['--requirement', 'scsi.req.response-ok', '--skip', 'stall.before'],
      ['stall.here', 'stall.after'],
    ],
  ])('%j runs %j', async (args, ids) => {
    const { run } = await finish('run', '--dut', 'model', ...stall, ...args, '--report', 'json=@r.json');
    expect(run.results('r.json').cases.map(({ id }) => id)).toEqual(ids);
  });

  test('an expansion that only a device could have is looked for there', async () => {
    const { code, run } = await finish('run', '--dut', 'model', ...stall, '--select', 'stall.here[2]');
    expect(run.output).toMatch(/no case matches --select stall\.here\[2\]; did you mean stall\.here\?/);
    expect(code).toBe(2);
  });
});

describe('modes', () => {
  const one = ['run', '--dut', 'model', '--select', 'spc.test-unit-ready.good', '--report', 'json=@r.json'];

  test('a case runs in each mode that is named, and its result names the mode', async () => {
    const { code, run } = await finish(...one, '--modes', 'pci.split*');
    const modes = ['', '+event_idx', '+indirect', '+indirect+event_idx'].map((more) => `pci.split${more}`);
    expect(run.results('r.json').cases.map(({ mode }) => mode)).toEqual(modes);
    for (const mode of modes) expect(run.output).toContain(`  ${mode.padEnd(28)}  1 pass`);
    expect(run.output).toMatch(/4 results of 1 case: 4 pass/);
    expect(code).toBe(0);
  });

  test('a mode that does not exist is refused, with the nearest one that does', async () => {
    const { code, run } = await finish(...one, '--modes', 'pci.spilt');
    expect(run.output).toMatch(/there is no mode pci\.spilt; did you mean pci\.split/);
    expect(code).toBe(2);
  });

  test.each(['', 'pci.split,', 'pci.split,,mmio.split'])(
    'a name that is missing is told: "%s"',
    async (modes) => {
      const { code, run } = await finish(...one, '--modes', modes);
      expect(run.output).toMatch(/a name is missing/);
      expect(code).toBe(2);
    },
  );

  test('a red case of several modes is told once, and can be replayed in each', async () => {
    const { code, run } = await finish(
      ...['run', '--dut', 'model', '--select', 'scsi.req.prio.any-value', '--mutant', 'request.prio-failed'],
      ...['--modes', 'pci.split,pci.split+indirect'],
    );
    expect(code).toBe(1);
    expect(run.output).toMatch(/prio\.any-value.* in pci\.split\+indirect, as in pci\.split/);
  });
});

test('options for a device that is not in the run are refused', async () => {
  const { code, run } = await finish('run', '--dut', 'model', ...stall, '--machine', 'pc');
  expect(run.output).toMatch(/--machine concerns the device kind qemu/);
  expect(code).toBe(2);
});

/** A report in which no case took any time, so that nothing is said of a machine that is slower now. */
function untimed(run: Vscsi, name: string): string {
  const { cases, ...rest } = run.results(name);
  const file = join(run.folder, `untimed-${name}`);
  writeFileSync(file, JSON.stringify({ ...rest, cases: cases.map((each) => ({ ...each, durationMs: 0 })) }));
  return file;
}

describe('a baseline', () => {
  const mutant = ['--mutant', 'stall.never-complete'];
  test('excuses what was red before, names what is fixed, and fails on what has got worse', async () => {
    const good = start('run', '--dut', 'model', ...stall, '--report', 'json=@r.json');
    const bad = start('run', '--dut', 'model', ...stall, ...mutant, '--report', 'json=@r.json');
    expect([await good.ended(), await bad.ended()]).toEqual([0, 1]);
    const [pass, fail] = [good, bad].map((run) => untimed(run, 'r.json')) as [string, string];
    const run = (baseline: string, ...more: string[]) =>
      finish('run', '--dut', 'model', ...stall, '--baseline', baseline, ...more);
    const [same, fixed, worse] = await Promise.all([run(fail, ...mutant), run(fail), run(pass, ...mutant)]);
    expect(same.run.output).toMatch(/against the baseline: no verdict has changed/);
    expect(same.run.lastLine).toBe('NOT CONFORMANT, BUT NO REGRESSION');
    expect(same.code).toBe(0);
    expect(fixed.run.output).toMatch(/fixed +stall\.here: fail → pass/);
    expect(fixed.code).toBe(0);
    expect(worse.run.output).toMatch(/regression +stall\.here: pass → fail/);
    expect(worse.run.lastLine).toBe('NOT CONFORMANT: 1 REGRESSION');
    expect(worse.code).toBe(1);
  });
});

describe('--exit-code bisect', () => {
  test('bad', async () => {
    const { code } = await finish(
      ...['run', '--dut', 'model', ...stall, '--mutant', 'stall.never-complete', '--exit-code', 'bisect'],
    );
    expect(code).toBe(1);
  });
  test('wrong usage, which would be the same at every commit', async () => {
    const { code } = await finish('run', '--dut', 'oops', '--exit-code', 'bisect');
    expect(code).toBe(128);
  });
  test('no device', async () => {
    const { code } = await finish('run', '--dut', 'qemu', '--qemu', '/no/such', '--exit-code', 'bisect');
    expect(code).toBe(125);
  });
});

describe('reports', () => {
  test('the results hold to their schema, the TAP to its grammar, and folders are made', async () => {
    const { run } = await finish(
      ...['run', '--dut', 'model', ...stall, '--mutant', 'stall.never-complete', '--skip', 'stall.after'],
      ...[
        '--cases',
        join(FIXTURES, 'tape.yaml'),
        '--report',
        'json=@new/folder/r.json',
        '--report',
        'tap=@r.tap',
      ],
    );
    const schema = JSON.parse(
      readFileSync(new URL('../../src/report/results.schema.json', import.meta.url), 'utf8'),
    ) as object;
    const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
    const results = run.results('new/folder/r.json');
    validate(results);
    expect(validate.errors ?? []).toEqual([]);
    expect(results.summary).toMatchObject({ total: 3, pass: 1, fail: 1, skip: 1 });
    let summary: unknown;
    const parser = new Parser((final) => {
      summary = final;
    });
    parser.end(readFileSync(join(run.folder, 'r.tap'), 'utf8'));
    expect(summary).toMatchObject({ fail: 1, skip: 1, bailout: false });
  });

  test('one that cannot be written is named, the others and the terminal are not harmed, and the exit code is 5', async () => {
    const reports = ['json=/dev/full', 'jsonl=/dev/full', 'tap=/proc/no/such', 'json=@r.json'];
    const { code, run } = await finish(
      ...['run', '--dut', 'model', ...stall],
      ...reports.flatMap((report) => ['--report', report]),
    );
    expect(run.output.match(/the report \/dev\/full could not be written: ENOSPC/g)).toHaveLength(2);
    expect(run.output).toMatch(/the report \/proc\/no\/such could not be written/);
    expect(run.lastLine).toBe('CONFORMANT');
    expect(run.results('r.json').summary.total).toBe(3);
    expect(existsSync('/dev/full')).toBe(true);
    expect(code).toBe(5);
  });

  test('standard output that cannot be written is told, the reports are not harmed, and the exit code is 5', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vscsi-full-'));
    const full = openSync('/dev/full', 'w');
    const file = join(folder, 'r.json');
    const { status, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'run', '--dut', 'model', ...stall, '--report', `json=${file}`],
      { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' },
    );
    closeSync(full);
    expect(stderr).toMatch(/^vscsi: the report standard output could not be written: ENOSPC[^\n]*\n$/);
    expect(status).toBe(5);
    expect((JSON.parse(readFileSync(file, 'utf8')) as RunResults).summary.total).toBe(3);
    rmSync(folder, { recursive: true });
  });

  test('a failure weighs more than a report that cannot be written', async () => {
    const { code } = await finish(
      ...[
        'run',
        '--dut',
        'model',
        ...stall,
        '--mutant',
        'stall.never-complete',
        '--report',
        'json=/dev/full',
      ],
    );
    expect(code).toBe(1);
  });
});

test('the evidence of red cases stays where it is asked for', async () => {
  const { run } = await finish(
    ...['run', '--dut', 'model', ...stall, '--mutant', 'stall.never-complete', '--keep'],
  );
  const folder = /evidence of the red cases: (\S+)/.exec(run.output)?.[1] ?? '';
  expect(readdirSync(join(folder, 'model'))).toEqual(['stall.here']);
  expect(readdirSync(join(folder, 'model', 'stall.here'))).toEqual(['device-stderr.log', 'result.json']);
});

test('the command that a red case ends with runs that case again', async () => {
  const mutant = ['--mutant', 'stall.never-complete'];
  const { run } = await finish('run', '--dut', 'model', ...stall, ...mutant, '--seed', '7', '--strict');
  const again = /again: vscsi (run .*)$/m.exec(run.output)?.[1] ?? '';
  expect(again).toContain('--mutant stall.never-complete');
  expect(again).toContain('--seed 7');
  expect(again).toContain('--strict');
  const { run: repeated } = await finish(...again.split(' '), '--report', 'json=@r.json');
  expect(verdicts(repeated.results('r.json').cases)).toEqual(['fail stall.here']);
});

test('a complaint of a sanitizer is a crash of the case that was under way, though the device lives', async () => {
  const run = start(
    ...['run', '--dut', 'qemu', '--cases', join(FIXTURES, 'long.yaml')],
    ...[
      '--wrap',
      `sh -c '(while ! [ -e "$TMPDIR/../go" ]; do sleep 0.02; done; echo "x.c:1:2: runtime error: oops" >&2) & exec $*' sh`,
    ],
    ...['--keep', '--report', 'json=@r.json', '--report', 'jsonl=@r.jsonl'],
  );
  await run.until('the first result', () => run.lines('r.jsonl').some(({ id }) => id === 'long.before'));
  writeFileSync(join(run.folder, 'go'), '');
  expect(await run.ended()).toBe(1);
  const { cases } = run.results('r.json');
  expect(verdicts(cases)).toEqual(['pass long.before', 'crash long.here', 'pass long.after']);
  expect(cases[1]?.findings).toEqual([
    expect.objectContaining({ check: 'sanitizer', severity: 'crash', got: 'x.c:1:2: runtime error: oops' }),
  ]);
  const folder = /evidence of the red cases: (\S+)/.exec(run.output)?.[1] ?? '';
  const log = readFileSync(join(folder, 'qemu', 'long.here', 'device-stderr.log'), 'utf8');
  expect(log).toBe('x.c:1:2: runtime error: oops\n');
});

test('a profile describes a device with a disk of its own', async () => {
  const profile = new URL('../../fixtures/profiles/qemu.yaml', import.meta.url).pathname;
  const { run } = await finish(
    ...['run', '--dut', profile, ...stall, '--device-prop', 'num_queues=3', '--report', 'json=@r.json'],
  );
  const { dut, cases } = run.results('r.json');
  expect(dut.details.command).toMatch(/num_queues=3/);
  expect(dut.details.command).toMatch(/serial=LENT-1/);
  expect(dut.details.command).not.toMatch(/VSCSI-SCRATCH/);
  expect(verdicts(cases)).toEqual(['pass stall.before', 'pass stall.here', 'pass stall.after']);
});
