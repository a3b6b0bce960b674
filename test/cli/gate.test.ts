/** `vscsi gate` and `vscsi known` on results of the model: every reason to fail, and that it goes away. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FIXTURES, finish, start, Vscsi } from './vscsi.js';

const stall = ['--cases', join(FIXTURES, 'stall.yaml')];
const REPORTS = ['json', 'jsonl', 'tap'].flatMap((format) => ['--report', `${format}=@r.${format}`]);

/** Results with a failure of `stall.here`, and without. */
let red: Vscsi;
let green: Vscsi;
beforeAll(async () => {
  const run = ['run', '--dut', 'model', ...stall, '--seed', '1', ...REPORTS];
  red = new Vscsi([...run, '--mutant', 'stall.never-complete']);
  green = new Vscsi(run);
  await Promise.all([red.ended(), green.ended()]);
  return () => {
    red.dispose();
    green.dispose();
  };
});

const entry = (more = '') =>
  `dut: model\ndeviations:\n  - {id: stall.here, from: "0", to: "999", reason: r, clause: c, observed: o${more}}\n`;

/** Gates results with a list. */
async function gated(of: Vscsi, list: string, name = 'r.jsonl', ...more: string[]) {
  const run = start('gate', join(of.folder, name), '--known', '@known.yaml', ...more);
  writeFileSync(join(run.folder, 'known.yaml'), list);
  return { code: await run.ended(), run };
}

describe('gate', () => {
  test.each(['r.json', 'r.jsonl', 'r.tap'])(
    'of %s: a failure fails it, an entry lets it pass',
    async (name) => {
      const [bare, listed] = await Promise.all([
        finish('gate', join(red.folder, name)),
        gated(red, entry(), name),
      ]);
      expect(bare.run.output).toMatch(/fail {2}stall\.here/);
      expect(bare.run.lastLine).toBe('NOT CONFORMANT');
      expect(bare.code).toBe(1);
      expect(listed.run.lastLine).toBe('CONFORMANT BUT FOR 1 KNOWN DEVIATION');
      expect(listed.code).toBe(0);
    },
  );

  test('an unexpected pass fails it, unless it is one that comes and goes', async () => {
    const [pass, flaky] = await Promise.all([
      gated(green, entry()),
      gated(green, entry(', sometimes: true')),
    ]);
    expect(pass.run.output).toMatch(/unexpected pass: .* names stall\.here/);
    expect(pass.code).toBe(1);
    expect(flaky.run.output).toMatch(/flaky: stall\.here is not red this time/);
    expect(flaky.code).toBe(0);
  });

  test('another way to be red than is listed fails it, and so does an entry that has expired', async () => {
    const [other, same, past, future] = await Promise.all([
      gated(red, entry(', verdict: crash')),
      gated(red, entry(', verdict: fail')),
      gated(red, entry(', expires: "2020-01-01"')),
      gated(red, entry(', expires: "9999-12-31"')),
    ]);
    expect(other.run.output).toMatch(/differs: stall\.here is listed as crash, and is fail/);
    expect(past.run.output).toMatch(/expired: the entry for stall\.here \(2020-01-01\)/);
    expect([other.code, same.code, past.code, future.code]).toEqual([1, 0, 1, 0]);
  });

  test('against a baseline only what has got worse fails it', async () => {
    const against = (of: Vscsi, baseline: Vscsi) =>
      finish('gate', join(of.folder, 'r.jsonl'), '--baseline', join(baseline.folder, 'r.tap'));
    const [worse, same, fixed] = await Promise.all([
      against(red, green),
      against(red, red),
      against(green, red),
    ]);
    expect(worse.run.output).toMatch(/regression +stall\.here: pass → fail/);
    expect(worse.code).toBe(1);
    expect(same.run.lastLine).toBe('NOT CONFORMANT, BUT NO REGRESSION');
    expect(fixed.run.output).toMatch(/fixed +stall\.here: fail → pass/);
    expect([same.code, fixed.code]).toEqual([0, 0]);
  });

  test('results without an end do not pass, though nothing is wrong with them', async () => {
    const text = readFileSync(join(green.folder, 'r.jsonl'), 'utf8');
    const run = start('gate', '@cut.jsonl');
    writeFileSync(join(run.folder, 'cut.jsonl'), text.split('\n').slice(0, -2).join('\n'));
    expect(await run.ended()).toBe(6);
    expect(run.output).toMatch(/the run was cut off; "vscsi run --resume"/);
    expect(run.lastLine).toBe('INCOMPLETE: the run was ended early');
  });

  test('what was read can be written as another report', async () => {
    const { run } = await gated(red, entry(), 'r.jsonl', '--report', 'json=@again.json');
    const { gate: _, ...before } = JSON.parse(readFileSync(join(red.folder, 'r.json'), 'utf8')) as {
      gate: unknown;
    };
    const { gate, ...again } = JSON.parse(readFileSync(join(run.folder, 'again.json'), 'utf8')) as {
      gate: unknown;
    };
    expect(again).toEqual(before);
    expect(gate).toMatchObject({ known: ['stall.here'], unexpected: [] });
  });

  test.each([
    [['gate', '/no/such/results'], /\/no\/such\/results: ENOENT/],
    [['gate', join(FIXTURES, 'stall.yaml')], /stall\.yaml: .*expected what "vscsi run/],
    [['gate'], /missing required argument/],
    [['known'], /required option '--from <results>'/],
  ])('2 for %j', async (args, message) => {
    const { code, run } = await finish(...args);
    expect(run.output).toMatch(message);
    expect(code).toBe(2);
  });
});

describe('known', () => {
  test('makes a list that is refused until its reasons are filled in, and explains everything then', async () => {
    const made = await finish('known', '--from', join(red.folder, 'r.jsonl'), '--out', '@first.yaml');
    expect(made.code).toBe(0);
    expect(made.run.output).toMatch(/first\.yaml: 1 deviations?, of which 1 want a reason/);
    const list = readFileSync(join(made.run.folder, 'first.yaml'), 'utf8');
    const empty = await gated(red, list);
    expect(empty.run.output).toMatch(/deviation 1 \(stall\.here\): reason is not filled in/);
    expect(empty.code).toBe(2);
    const filled = await gated(red, list.replaceAll(/(reason|clause): ""/g, '$1: because'));
    expect(filled.run.lastLine).toBe('CONFORMANT BUT FOR 1 KNOWN DEVIATION');
    expect(filled.code).toBe(0);
  });

  test('takes no list away that is there', async () => {
    const run = start('known', '--from', join(red.folder, 'r.jsonl'), '--out', '@known.yaml');
    writeFileSync(join(run.folder, 'known.yaml'), 'mine');
    expect(await run.ended()).toBe(2);
    expect(run.output).toMatch(/known\.yaml is there already/);
    expect(readFileSync(join(run.folder, 'known.yaml'), 'utf8')).toBe('mine');
  });
});

test('every report can be made of the event stream alone, and is that of the run', async () => {
  const formats = ['json', 'junit', 'markdown', 'tap'];
  const reports = formats.flatMap((format) => ['--report', `${format}=@r.${format}`]);
  const run = await finish(
    ...['run', '--dut', 'model', ...stall, '--mutant', 'stall.never-complete', '--report', 'jsonl=@r.jsonl'],
    ...reports,
  );
  const again = await finish('gate', join(run.run.folder, 'r.jsonl'), ...reports);
  const text = (of: Vscsi, format: string) => readFileSync(join(of.folder, `r.${format}`), 'utf8');
  for (const format of ['junit', 'markdown', 'tap'])
    expect(text(again.run, format)).toBe(text(run.run, format));
  expect(JSON.parse(text(again.run, 'json'))).toEqual(JSON.parse(text(run.run, 'json')));
});
