/**
 * The worked examples of docs/ci: each is carried out as far as this machine can, on the model with a few cases. What a
 * CI system does besides (runners, volumes, artifacts) is a folder that all parts share.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseResults, readResults } from '../../src/report/read-results.js';
import type { Shard } from '../../src/run/results.js';

const CI = fileURLToPath(new URL('../../docs/ci/', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const CASES = fileURLToPath(new URL('../run/fixtures/stall.yaml', import.meta.url));

/** `vscsi` on the path, which takes other devices for the model, and runs few cases. */
const STAND_IN = `#!${process.execPath}
const { spawnSync } = require('node:child_process');
const words = process.argv.slice(2);
const at = words.indexOf('--dut');
if (at >= 0) words.splice(at, 2, '--dut', 'model', '--cases', ${JSON.stringify(CASES)});
process.exitCode = spawnSync(process.execPath, [${JSON.stringify(MAIN)}, ...words], { stdio: 'inherit' }).status;
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-ci-'));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin', 'vscsi'), STAND_IN);
  chmodSync(join(folder, 'bin', 'vscsi'), 0o755);
  writeFileSync(join(folder, 'known.yaml'), 'dut: model\ndeviations: []\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Environment {
  readonly [name: string]: string;
}

/** Runs a command in the folder; fails with what it said. */
function run(command: string, args: readonly string[], environment: Environment = {}): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...environment, PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
  });
  expect({ status, said: `${stdout}${stderr}` }).toMatchObject({ status: 0 });
  return stdout;
}

const shell = (line: string, environment: Environment = {}) => run('sh', ['-e', '-c', line], environment);

function documents<T>(name: string): readonly T[] {
  const all = parseAllDocuments(readFileSync(join(CI, name), 'utf8'));
  return [...all].map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as T;
  });
}

/** The parts that streams in the folder are of. */
function partsDone(where = '.'): (Shard | undefined)[] {
  const files = readdirSync(join(folder, where)).filter((name) => /^part-\d+\.jsonl$/.test(name));
  return files.map((name) => readResults(join(folder, where, name)).results.request?.shard);
}
const partsOf = (count: number) => Array.from({ length: count }, (_, at) => ({ index: at + 1, count }));

/** Whether a program is there. Where the continuous integration runs, it has to be. */
function installed(program: string): boolean {
  const there = spawnSync(program, ['--version']).status === 0;
  if (!there && process.env.CI) throw new Error(`${program} is not installed: apt-get install ${program}`);
  return there;
}

test('GitHub Actions: the matrix makes all parts, and the second job puts them together', () => {
  interface Job {
    readonly strategy?: { readonly matrix: { readonly part: readonly number[] } };
    readonly needs?: string;
    readonly steps: readonly { readonly name?: string; readonly run?: string }[];
  }
  const [workflow] = documents<{ jobs: { part: Job; gate: Job } }>('github-actions.yml');
  const { part, gate } = workflow?.jobs ?? {};
  const step = (job: Job | undefined, name: string) =>
    job?.steps.find((each) => each.name === name)?.run ?? 'false';
  const parts = part?.strategy?.matrix.part ?? [];
  expect(gate?.needs).toBe('part');
  for (const index of parts) {
    const values: Environment = { 'matrix.part': `${index}`, 'strategy.job-total': `${parts.length}` };
    shell(
      step(part, 'run').replaceAll(
        /\$\{\{ ([\w.-]+) \}\}/g,
        (_, name: string) => values[name] ?? `unknown ${name}`,
      ),
    );
  }
  expect(partsDone()).toEqual(partsOf(parts.length));
  const summary = { GITHUB_STEP_SUMMARY: join(folder, 'summary.md') };
  shell(step(gate, 'merge'), summary);
  shell(step(gate, 'gate'), summary);
  expect(readFileSync(summary.GITHUB_STEP_SUMMARY, 'utf8')).toContain('**Nothing is red.**');
});

test('GitLab: the parallel jobs make all parts, and the second stage puts them together', () => {
  interface Job {
    readonly parallel: number;
    readonly script: readonly string[];
  }
  const [pipeline] = documents<{ part: Job; gate: Job }>('gitlab-ci.yml');
  const count = pipeline?.part.parallel ?? 0;
  const lines = pipeline?.part.script.filter((line) => line.startsWith('vscsi')) ?? [];
  // GitLab counts from 1.
  for (let index = 1; index <= count; index++)
    shell(lines.join('\n'), { CI_NODE_INDEX: `${index}`, CI_NODE_TOTAL: `${count}` });
  expect(partsDone()).toEqual(partsOf(count));
  shell(pipeline?.gate.script.join('\n') ?? 'false');
  expect(readFileSync(join(folder, 'results.xml'), 'utf8')).toContain('<testsuites>');
});

test('Kubernetes: the pods of the Indexed Job make all parts, and one that starts again goes on', () => {
  interface Job {
    readonly kind: string;
    readonly spec: {
      readonly completions: number;
      readonly completionMode: string;
      readonly template: {
        readonly spec: {
          readonly containers: readonly {
            readonly env: readonly { readonly name: string; readonly value: string }[];
            readonly command: readonly string[];
            readonly args: readonly string[];
          }[];
        };
      };
    };
  }
  const job = documents<Job>('kubernetes-job.yaml').find(({ kind }) => kind === 'Job')?.spec;
  expect(job?.completionMode).toBe('Indexed');
  const [container] = job?.template.spec.containers ?? [];
  const count = job?.completions ?? 0;
  const environment = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
  expect(environment.PARTS).toBe(`${count}`);
  mkdirSync(join(folder, 'results'));
  const [command = 'false', ...args] = [...(container?.command ?? []), ...(container?.args ?? [])].map(
    (word) => word.replaceAll('/results/', `${folder}/results/`),
  );
  // Kubernetes counts from 0.
  const pod = (index: number) => run(command, args, { ...environment, JOB_COMPLETION_INDEX: `${index}` });
  for (let index = 0; index < count; index++) pod(index);
  expect(partsDone('results')).toEqual(partsOf(count));
  expect(pod(0)).toMatch(/results are there already/);
  shell('vscsi merge results/part-*.jsonl --report json=results.json && vscsi gate results.json');
});

describe('GNU parallel', () => {
  test.runIf(installed('parallel'))('makes all parts, and they are put together', () => {
    run(join(CI, 'gnu-parallel.sh'), ['3', '--dut', 'model']);
    expect(partsDone()).toEqual(partsOf(3));
    expect(readResults(join(folder, 'results.json')).results.summary.total).toBe(3);
    expect(run(join(CI, 'gnu-parallel.sh'), ['3', '--dut', 'model'])).toMatch(/results are there already/);
  });
});

test('a report on standard output is alone there', () => {
  const results = parseResults('-', run('vscsi', ['run', '--dut', 'model', '--report', 'tap=-'])).results;
  expect(results.summary).toMatchObject({ total: 3, pass: 3 });
  shell('vscsi run --dut model --report jsonl=- > out.jsonl');
  shell('echo before > out.tap; vscsi gate out.jsonl --report tap=- >> out.tap');
  expect(readResults(join(folder, 'out.jsonl')).results.summary.total).toBe(3);
  expect(readFileSync(join(folder, 'out.tap'), 'utf8')).toMatch(/^before\nTAP version 14\n/);
});

describe('Meson', () => {
  /** Sets the example up and tests it; what Meson says of the tests. */
  function mesonTest(options: string): { readonly status: number | null; readonly said: string } {
    const source = join(folder, 'source');
    cpSync(join(CI, 'meson'), source, { recursive: true });
    const own = {
      cwd: source,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
    } as const;
    const setup = spawnSync('meson', ['setup', 'build', '-Dparts=2', `-Dvscsi_options=${options}`], own);
    expect({ status: setup.status, said: setup.stdout + setup.stderr }).toMatchObject({ status: 0 });
    const { status, stdout, stderr } = spawnSync('meson', ['test', '-C', 'build', '--verbose'], own);
    return { status, said: stdout + stderr };
  }

  test.runIf(installed('meson'))('reads the TAP of each part, and counts its cases', () => {
    const { status, said } = mesonTest('--dut,model');
    expect(said).toMatch(/virtio-scsi-1-of-2 +OK/);
    expect(said).toMatch(/virtio-scsi-2-of-2 +OK/);
    expect(said).not.toMatch(/UNKNOWN|ignored/i);
    expect(said).toMatch(/Ok: +2/);
    expect(status).toBe(0);
  });

  test.runIf(installed('meson'))('fails where a case does', () => {
    const { status, said } = mesonTest('--dut,model,--mutant,stall.never-complete');
    expect(said).toMatch(/Fail: +1|ERROR/);
    expect(status).not.toBe(0);
  });
});
