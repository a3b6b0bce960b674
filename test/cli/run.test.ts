/** The command line on the model and on a real QEMU: verdicts, exit codes, and what happens when things break. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CaseResult, RunResults } from '../../src/run/results.js';
import { FULL } from '../full.js';
import { FIXTURES, finish, start } from './vscsi.js';

const verdicts = (cases: readonly CaseResult[]) => cases.map(({ id, verdict }) => `${verdict} ${id}`);

describe('the cases of the suite', () => {
  // How often a check comes to bear, or is violated, depends on how races end, and on what was asked for in time.
  const summed = ({ standing }: RunResults) => standing.map(({ check, verdict }) => ({ check, verdict }));

  // Writes that may be reordered end in the order in which QEMU's threads do, which a note tells (A62.reordered).
  const judged = ({ cases }: RunResults) =>
    verdicts(
      cases.map((one) =>
        one.verdict === 'note' && one.id.startsWith('scsi.req.task-attr.write-order')
          ? { ...one, verdict: 'pass' }
          : one,
      ),
    );

  // What lies elsewhere in memory and comes in another order matters to these most.
  const some = FULL ? [] : ['split', 'packed', 'ring', 'scsi'].flatMap((area) => ['--select', `${area}.*`]);

  test('conform on the model, and two at a time backwards with the same verdicts', async () => {
    const one = await finish('run', '--dut', 'model', '--seed', '3', ...some, '--report', 'json=@r.json');
    expect(one.run.lastLine).toBe('CONFORMANT');
    expect(one.code).toBe(0);
    const results = one.run.results('r.json');
    expect(results.schemaVersion).toBe(1);
    expect(results.dut.name).toBe('model');
    expect(results.summary.pass).toBe(results.summary.total - results.summary.skip);
    const two = await finish(
      ...['run', '--dut', 'model', '--seed', '3', ...some, '--jobs', '2', '--reverse'],
      ...['--report', 'json=@r.json'],
    );
    expect(verdicts(two.run.results('r.json').cases)).toEqual(verdicts(results.cases));
    expect(summed(two.run.results('r.json'))).toEqual(summed(results));
  });

  test('give on QEMU only deviations that are known, the used length among them, and the same shuffled, two at a time, and with copied memory', async () => {
    const onQemu = async (...args: string[]) => {
      const { code, run } = await finish(
        ...['run', '--dut', 'qemu', '--seed', '5', ...some, ...args, '--report', 'json=@r.json'],
      );
      expect(run.lastLine).toMatch(/^CONFORMANT BUT FOR \d+ KNOWN DEVIATIONS?$/);
      expect(code).toBe(0);
      return run.results('r.json');
    };
    const mapped = await onQemu();
    const [shuffled, copied] = await Promise.all([
      onQemu('--shuffle', '9', '--jobs', '2'),
      onQemu('--no-mmap'),
    ]);
    expect(mapped.dut.details.memory).toBe('mapped');
    expect(copied.dut.details.memory).toMatch(/^copied/);
    expect(judged(shuffled)).toEqual(judged(mapped));
    expect(judged(copied)).toEqual(judged(mapped));
    expect(summed(copied)).toEqual(summed(mapped));
    expect(mapped.standing.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check)).toEqual([
      'used-length',
    ]);
  });
});

describe('exit codes', () => {
  test('0 for a run without --dut, on whatever is there', async () => {
    const { code, run } = await finish(
      ...['run', '--cases', join(FIXTURES, 'stall.yaml'), '--report', 'json=@r.json'],
    );
    expect(code).toBe(0);
    expect(run.results('r-model.json').summary.total).toBe(3);
    expect(run.results('r-qemu.json').summary.total).toBe(3);
  });
  test('1 for a deviation that is not known', async () => {
    const { code, run } = await finish(
      ...['run', '--dut', 'model', '--mutant', 'lun.phantom-units', '--area', 'scsi'],
    );
    expect(run.lastLine).toBe('NOT CONFORMANT');
    expect(code).toBe(1);
  });
  test('1 for a known deviation that is not there', async () => {
    const listed = (id: string) =>
      `dut: model\ndeviations:\n  - {id: ${id}, from: "0", to: "9", reason: r, clause: c, observed: o}\n`;
    const run = start(
      ...['run', '--dut', 'model', '--cases', join(FIXTURES, 'stall.yaml')],
      ...['--known', '@passes.yaml', '--report', 'json=@r.json'],
    );
    const [passes, gone, whole] = ['passes.yaml', 'gone.yaml', 'whole.json'].map((name) =>
      join(run.folder, name),
    ) as [string, string, string];
    writeFileSync(passes, listed('stall.here'));
    expect(await run.ended()).toBe(1);
    expect(run.output).toMatch(/unexpected pass: .* names stall\.here/);
    // As if there were no other cases: what a run of all does not have is not there.
    const results = run.results('r.json');
    const { cases: _, ...request } = results.request ?? { device: [], modes: 'default', cases: [] };
    writeFileSync(whole, JSON.stringify({ ...results, request }));
    writeFileSync(gone, listed('scsi.req.no-such-case'));
    const gated = await finish('gate', whole, '--known', gone);
    expect(gated.code).toBe(1);
    expect(gated.output).toMatch(/stale: .* names scsi\.req\.no-such-case, and there is no such result/);
  });
  test.each([
    [['run', '--dut', 'nothing'], /no device kind is called nothing; there are model, qemu/],
    [['run', '--seed', '0'], /expected a whole number from 1/],
    [
      ['run', '--report', 'xml=x'],
      /expected html=FILE, json=FILE, jsonl=FILE, junit=FILE, markdown=FILE, tap=FILE/,
    ],
    [['run', '--cases', '/no/such/folder'], /no such case file or folder: .*\/no\/such\/folder/],
    [['run', '--dut', 'model', '--known', '/no/such/list'], /\/no\/such\/list: cannot be read/],
    [['oops'], /unknown command 'oops'/],
  ])('2 for %j', async (args, message) => {
    const { code, run } = await finish(...args);
    expect(run.output).toMatch(message);
    expect(code).toBe(2);
  });
  test('2 for a broken case file, with its place and the nearest right name', async () => {
    const run = start('run', '--dut', 'model', '--cases', '@broken.yaml');
    writeFileSync(
      join(run.folder, 'broken.yaml'),
      'suite: s\nspec: {document: virtio-1.4}\ncases:\n  - id: a.b\n    title: t\n    needs: [disk]\n    steps:\n      - command: {lun: disk, cdb: TEST UNIT REDY}\n',
    );
    expect(await run.ended()).toBe(2);
    expect(run.output).toMatch(/broken\.yaml:8:\d+ .*TEST UNIT REDY.*did you mean "TEST UNIT READY"/);
  });
  test('3 for a device that cannot be started', async () => {
    const { code, run } = await finish('run', '--dut', 'qemu', '--qemu', '/no/such/qemu');
    expect(run.output).toMatch(/\/no\/such\/qemu/);
    expect(run.lastLine).toBe('DEVICE SET-UP FAILED');
    expect(code).toBe(3);
  });
  test('4 when nothing was executed', async () => {
    const { code, run } = await finish(
      'run',
      '--dut',
      'model',
      '--cases',
      join(FIXTURES, 'tape.yaml'),
      '--verbose',
    );
    expect(run.output).toMatch(/not-offered: tape is not bound/);
    expect(run.lastLine).toBe('NOTHING EXECUTED');
    expect(code).toBe(4);
  });
});

describe('a device that does not survive a case', () => {
  const stall = join(FIXTURES, 'stall.yaml');
  const long = join(FIXTURES, 'long.yaml');

  test('a model that loops for ever hangs, with step and bytes, again when alone, and the others run', async () => {
    const { code, run } = await finish(
      'run',
      '--dut',
      'model',
      '--mutant',
      'stall.loop-forever',
      '--cases',
      stall,
      '--timeout',
      '500',
      '--report',
      'json=@r.json',
    );
    expect(code).toBe(1);
    const { cases } = run.results('r.json');
    expect(verdicts(cases)).toEqual(['pass stall.before', 'hang stall.here', 'pass stall.after']);
    expect(cases[1]?.findings).toEqual([
      expect.objectContaining({ step: '2', severity: 'hang', reproduced: true }),
    ]);
    // The request: lun of target 0 unit 0, tag, SIMPLE, then WRITE BUFFER with mode 2 and offset 123456h.
    expect(cases[1]?.findings[0]?.sent).toMatch(/^0100400000000000.{16}0000003b020012345600000000/);
  });

  test('a hang takes nothing from the cases that run beside it', async () => {
    const { run } = await finish(
      ...['run', '--dut', 'model', '--mutant', 'stall.loop-forever', '--cases', stall, '--timeout', '500'],
      ...['--jobs', '2', '--reverse', '--report', 'json=@r.json'],
    );
    expect(verdicts(run.results('r.json').cases)).toEqual([
      'pass stall.before',
      'hang stall.here',
      'pass stall.after',
    ]);
  });

  test('a QEMU that crashes and cannot be started again leaves the results so far', async () => {
    const once = 'sh -c \'test -e "$TMPDIR/../started" && exit 9; touch "$TMPDIR/../started"; exec $*\' sh';
    const run = start(
      ...['run', '--dut', 'qemu', '--wrap', once, '--cases', long],
      ...['--report', 'json=@r.json', '--report', 'jsonl=@r.jsonl'],
    );
    await run.until('the first result', () => run.lines('r.jsonl').some(({ id }) => id === 'long.before'));
    for (const pid of run.processes('qemu-system')) process.kill(pid, 'SIGKILL');
    expect(await run.ended()).toBe(1);
    expect(verdicts(run.results('r.json').cases)).toEqual(['pass long.before', 'crash long.here']);
    expect(run.output).toMatch(/qemu: QEMU could not be started/);
    expect(run.lastLine).toBe('NOT CONFORMANT');
  });

  test('a request that never comes back fails its case alone', async () => {
    const { run } = await finish(
      'run',
      '--dut',
      'model',
      '--mutant',
      'stall.never-complete',
      '--cases',
      stall,
      '--report',
      'json=@r.json',
    );
    expect(verdicts(run.results('r.json').cases)).toEqual([
      'pass stall.before',
      'fail stall.here',
      'pass stall.after',
    ]);
  });

  test('a QEMU that is killed in mid-case is a crash, not reproduced on a fresh one, and the others run', async () => {
    const run = start(
      'run',
      '--dut',
      'qemu',
      '--cases',
      long,
      '--report',
      'json=@r.json',
      '--report',
      'jsonl=@r.jsonl',
    );
    await run.until('the first result', () => run.lines('r.jsonl').some(({ id }) => id === 'long.before'));
    await run.until('QEMU', () => run.processes('qemu-system').length > 0);
    // Into the long case, past its set-up.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const pid of run.processes('qemu-system')) process.kill(pid, 'SIGKILL');
    expect(await run.ended()).toBe(1);
    const { cases } = run.results('r.json');
    expect(verdicts(cases)).toEqual(['pass long.before', 'crash long.here', 'pass long.after']);
    const [finding] = cases[1]?.findings ?? [];
    expect(finding).toMatchObject({ severity: 'crash', reproduced: false });
    expect(finding?.got).toMatch(/signal SIGKILL/);
    expect(finding?.place).toMatch(/long\.yaml:\d+/);
    expect(finding?.sent).toMatch(/^0100400000000000/);
  });

  test('a suite that is killed in mid-run leaves no process and no file', async () => {
    const run = start('run', '--dut', 'qemu', '--cases', long, '--report', 'jsonl=@r.jsonl');
    await run.until('the first result', () => run.lines('r.jsonl').some(({ id }) => id === 'long.before'));
    expect(run.processes('qemu-system')).toHaveLength(1);
    run.kill('SIGKILL');
    await run.ended();
    await run.until('no process', () => run.processes('').length === 0);
    expect(run.leftovers()).toEqual([]);
    // What was obtained before is there.
    expect(run.lines('r.jsonl').map(({ type }) => type)).toEqual(['header', 'case']);
  });

  test('Ctrl-C ends the run with 130 and keeps what is there', async () => {
    const run = start(
      'run',
      '--dut',
      'qemu',
      '--cases',
      long,
      '--report',
      'json=@r.json',
      '--report',
      'jsonl=@r.jsonl',
    );
    await run.until('the first result', () => run.lines('r.jsonl').some(({ id }) => id === 'long.before'));
    run.kill('SIGINT');
    expect(await run.ended()).toBe(130);
    expect(run.lastLine).toMatch(/^INTERRUPTED/);
    const results = run.results('r.json');
    expect(results.interrupted).toBe(true);
    expect(verdicts(results.cases)[0]).toBe('pass long.before');
    expect(run.processes('qemu-system')).toEqual([]);
    expect(run.leftovers()).toEqual([]);
  });
});

test('bench --scale finds more and more units', async () => {
  const { code, run } = await finish('bench', '--dut', 'model', '--scale', '--blocks', '1', '--json');
  expect(code).toBe(0);
  const { rows, growth } = JSON.parse(run.output) as { rows: Record<string, number>[]; growth: number };
  expect(rows.map(({ units, targets }) => [units, targets])).toEqual([
    [1, 1],
    [16, 2],
    [128, 16],
    [512, 64],
  ]);
  expect(growth).toBeGreaterThan(0);
});

test('bench --modes times the cases of each mode', async () => {
  const { code, run } = await finish('bench', '--dut', 'model', '--modes', 'pci.split+event_idx', '--json');
  expect(code).toBe(0);
  const figures = JSON.parse(run.output) as {
    modes: { mode: string; cases: number; medianCaseMs: number; totalMs: number }[];
    seconds: number;
    complete: boolean;
  };
  expect(figures.complete).toBe(true);
  expect(figures.seconds).toBeGreaterThan(0);
  expect(figures.modes.map(({ mode }) => mode)).toEqual(['pci.split+event_idx']);
  for (const { cases, medianCaseMs, totalMs } of figures.modes) {
    expect(cases).toBeGreaterThan(0);
    expect(totalMs).toBeGreaterThan(medianCaseMs);
  }
});

/** Pairs of blocks, between each of which all cases are timed. */
const BLOCKS = FULL ? 5 : 1;

test('bench gives ratios of harness to raw loop, medians of the blocks asked for', async () => {
  const { code, run } = await finish(
    'bench',
    '--dut',
    'model',
    '--blocks',
    `${BLOCKS}`,
    '--transactions',
    '20',
    '--json',
  );
  expect(code).toBe(0);
  const { rows, cases } = JSON.parse(run.output) as {
    rows: { ratio: number; blocks: number }[];
    cases: { cases: number; casesPerSecond: number; medianCaseMs: number };
  };
  expect(cases.cases).toBeGreaterThan(0);
  expect(cases.casesPerSecond).toBeGreaterThan(0);
  expect(cases.medianCaseMs).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(0);
  for (const { ratio, blocks } of rows) {
    expect(blocks).toBe(BLOCKS);
    expect(ratio).toBeGreaterThan(0);
  }
});

test('check', async () => {
  const check = await finish('check');
  expect(check.run.output).toMatch(/^\d+ case files, \d+ cases: no problem$/m);
  expect(check.code).toBe(0);
});
