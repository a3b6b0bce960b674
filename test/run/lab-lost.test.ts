/** Labs that are lost between two cases, played by streams: what was found stays, and the run says where it was. */
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { DutSetupError } from '../../src/duts/dut.js';
import type { Kernel } from '../../src/lab/kernel.js';
import type { LabExit, RunningLab } from '../../src/lab/lab.js';
import { LabError } from '../../src/lab/lab-error.js';
import type { PciTransportName } from '../../src/port/transport-name.js';
import { superviseInLab } from '../../src/run/in-lab.js';
import type { LabMessage } from '../../src/run/lab-job.js';
import type { PlannedCase } from '../../src/run/messages.js';
import type { CaseResult } from '../../src/run/results.js';
import { frame } from '../../src/sys/frames.js';

const PLAN = ['one', 'two', 'three'].map(
  (id, order): PlannedCase => ({ id, mode: 'pci.split', title: id, file: 'x.yaml', order }),
);
const DONE: LabMessage = {
  type: 'done',
  run: {
    identity: { name: 'vfio', version: '1', details: {} },
    features: [],
    interrupted: false,
    available: [],
    remarks: ['from the lab'],
  },
};

/** Says these things, with the whereabouts of the last case, and ends by itself. */
function lab(said: readonly LabMessage[], beacon = ''): RunningLab {
  const agent = new PassThrough();
  const lines = { out: new PassThrough(), err: new PassThrough(), beacon: new PassThrough() };
  lines.beacon.write(beacon);
  const ended = new Promise<LabExit>((resolve) => {
    // Lines are read by the time that the loop comes round twice.
    setImmediate(() => {
      for (const message of said) agent.write(frame(message));
      setImmediate(() => setImmediate(() => resolve({ status: undefined, log: '' })));
    });
  });
  return { ...lines, agent, ended, kill: () => {} };
}

const plan = (cases: readonly PlannedCase[], transport: PciTransportName = 'pci'): LabMessage[] => [
  { type: 'started', identity: { name: 'vfio', version: '1', details: {} }, transport },
  { type: 'alive' },
  { type: 'plan', cases },
];
const result = ({ id, mode, title }: PlannedCase): LabMessage => ({
  type: 'result',
  result: { id, mode, title, verdict: 'pass', durationMs: 1, findings: [] } satisfies CaseResult,
  progress: { done: 1, planned: PLAN.length },
  standing: [],
});
const [one, two, three] = PLAN as [PlannedCase, PlannedCase, PlannedCase];

function supervise(
  labs: readonly (RunningLab | Error)[],
  order = {},
  transports: readonly PciTransportName[] = ['pci'],
) {
  const left = [...labs];
  return superviseInLab({
    adapter: {
      name: 'vfio',
      transports,
      obstacles: async () => [],
      lab: { modules: [] },
      start: async () => {
        throw new Error('not here');
      },
    },
    device: { mmap: true, seed: 1 },
    files: [],
    transports,
    modes: 'default',
    selection: { select: [], skip: [] },
    order,
    seed: 1,
    strict: false,
    jobs: 1,
    hangMs: 10_000,
    interrupt: new AbortController().signal,
    log: () => {},
    onStarted: () => {},
    onResult: () => {},
    booted: {
      kernel: {} as Kernel,
      node: { share: { host: '/', guest: '/', writable: false }, links: [] },
    },
    async start() {
      const next = left.shift();
      if (next === undefined) throw new Error('no boot was expected');
      if (next instanceof Error) throw next;
      return next;
    },
  });
}

it('goes on in another boot after a case that has its result', async () => {
  const first = lab([...plan(PLAN), result(one)], '0 1 5\n');
  const second = lab([...plan([two, three]), result(two), result(three), DONE], '1 1 9\n');
  const { results, failure, remarks } = await supervise([first, second]);
  expect(failure).toBeUndefined();
  expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
    'one pass',
    'two pass',
    'three pass',
  ]);
  expect(remarks).toEqual([
    'from the lab',
    'after one, which has its result, and before two: the lab ended by itself; the rest ran in another boot',
  ]);
});

it('needs no other boot where every case has its result', async () => {
  const only = lab([...plan([one]), result(one)], '0 1 5\n');
  const { results, failure, remarks } = await supervise([only]);
  expect(failure).toBeUndefined();
  expect(results.map(({ id }) => id)).toEqual(['one']);
  expect(remarks).toEqual([
    'all cases have their results, and the device was being put away: the lab ended by itself',
  ]);
});

it('gives up where another boot gets no further, and names the place and the way on', async () => {
  const first = lab([...plan(PLAN), result(one)], '0 1 5\n');
  const second = lab(plan([two, three]));
  const { results, failure } = await supervise([first, second]);
  expect(results.map(({ id }) => id)).toEqual(['one']);
  expect(failure?.message).toBe('after one, which has its result, and before two: the lab ended by itself');
  expect(failure?.remedy).toMatch(/--select 'two'.*--resume FILE/);
});

it('goes by the order of the run', async () => {
  const first = lab([...plan(PLAN), result(three)], '2 1 5\n');
  const { failure } = await supervise([first, lab(plan([one, two]))], { reverse: true });
  expect(failure?.message).toMatch(/^after three, which has its result, and before two:/);
});

it('has nothing to name where no case was begun', async () => {
  await expect(supervise([lab([])])).rejects.toMatchObject({
    message: 'before the first case: the lab ended by itself',
    remedy: undefined,
  });
});

it('keeps what each transport has planned, also when the lab is lost before the second has its turn', async () => {
  const legacy = PLAN.map((planned) => ({ ...planned, mode: 'pci-legacy.split' }));
  const transports = ['pci', 'pci-legacy'] as const;
  const keys = (cases: readonly CaseResult[]) => cases.map(({ id, mode }) => `${id} in ${mode}`);
  const all = keys([...PLAN, ...legacy] as unknown as CaseResult[]);
  const both = lab([
    ...plan(PLAN),
    ...PLAN.map(result),
    ...plan(legacy, 'pci-legacy'),
    ...legacy.map(result),
    DONE,
  ]);
  expect(keys((await supervise([both], {}, transports)).results)).toEqual(all);
  const first = lab([...plan(PLAN), ...PLAN.map(result)], '2 1 5\n');
  const second = lab([...plan([]), ...plan(legacy, 'pci-legacy'), ...legacy.map(result), DONE]);
  expect(keys((await supervise([first, second], {}, transports)).results)).toEqual(all);
});

/** Boots that cannot be had, and what the run says of them. */
const NO_BOOTS: readonly [string, () => RunningLab | Error, string][] = [
  ['a lab that does not start', () => new LabError('the disk is full', 'make room'), 'the disk is full'],
  ['a machine that is not set up', () => new DutSetupError('no bridge', 'make room'), 'no bridge'],
  [
    'a device that does not come up',
    () => lab([{ type: 'failed', failure: { message: 'no answer', remedy: 'make room' } }]),
    'no answer',
  ],
];

it.each(NO_BOOTS)('%s costs no result of the boots before', async (_, boot, message) => {
  const first = lab([...plan(PLAN), result(one)], '0 1 5\n');
  const { results, failure, identity } = await supervise([first, boot()]);
  expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual(['one pass']);
  expect(failure).toMatchObject({ message, remedy: 'make room' });
  expect(identity.name).toBe('vfio');
});

it.each(NO_BOOTS)('%s costs a broken case its second chance, not its result', async (_, boot, message) => {
  const first = lab([...plan(PLAN), result(one)], '1 1 5\n');
  const { results, failure } = await supervise([first, boot()]);
  expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual(['one pass', 'two crash']);
  expect(results[1]?.findings[0]).not.toHaveProperty('reproduced');
  expect(failure).toMatchObject({ message, remedy: 'make room' });
});

it.each(NO_BOOTS)('%s is the error of a run that has nothing yet', async (_, boot, message) => {
  await expect(supervise([boot()])).rejects.toMatchObject({ message, remedy: 'make room' });
});

it('hides no mistake of the suite', async () => {
  const first = lab([...plan(PLAN), result(one)], '0 1 5\n');
  await expect(supervise([first, new TypeError('a mistake')])).rejects.toThrow(TypeError);
});
