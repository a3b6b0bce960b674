import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { jobsFor, usualJobs } from '../../src/cli/jobs.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import { qemuAdapter } from '../../src/duts/qemu/adapter.js';

const SEVERAL = Math.min(4, availableParallelism() + 1);

test.each([
  ['a QEMU that the suite starts', qemuAdapter({}), undefined, SEVERAL],
  ['a QEMU under a wrapper, which may have a port', qemuAdapter({ wrap: ['gdbserver', ':1'] }), undefined, 1],
  ['a QEMU in front of a back-end of the user', qemuAdapter({ backend: ['b', '{socket}'] }), undefined, 1],
  ['the model', modelAdapter({ seed: 1 }), undefined, 1],
  ['whatever it is, as the user says', modelAdapter({ seed: 1 }), 3, 3],
])('%s', (_name, adapter, asked, jobs) => {
  expect(jobsFor(adapter, asked).jobs).toBe(jobs);
});

test('a bench has as many as there is any gain from', () => {
  expect(usualJobs(qemuAdapter({}))).toBe(SEVERAL);
  expect(usualJobs(modelAdapter({ seed: 1 }))).toBe(Math.min(2, availableParallelism()));
});
