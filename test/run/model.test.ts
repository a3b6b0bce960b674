/** The cases on the reference model: all green, whatever the addresses; and each mutant turns its own cases red. */

import { beforeAll, describe, expect, test } from 'vitest';
import { baseOf } from '../../src/run/select.js';
import { FULL } from '../full.js';
import { type InProcessRun, runOnModel, verdicts } from './in-process.js';

/** All cases, each in its home mode. */
let home: InProcessRun;
beforeAll(async () => {
  home = await runOnModel({ seed: 1 });
});

test('every case passes and no standing check is violated', () => {
  const run = home;
  expect(run.results.length).toBeGreaterThanOrEqual(10);
  expect(run.results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip')).toEqual([]);
  expect(run.standing.filter(({ violations }) => violations > 0)).toEqual([]);
});

test('in all modes, too', async () => {
  const run = await runOnModel({ seed: 1, modes: 'all' });
  expect(run.results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip')).toEqual([]);
  expect(run.standing.filter(({ violations }) => violations > 0)).toEqual([]);
});

/** Cases about where buffers lie and what addresses units. */
const aboutAddresses = (id: string) => /^(ring|scsi\.req\.(lun|missing|target))/.test(id);
const only = (wanted: (id: string) => boolean) => ({
  ...home,
  results: home.results.filter(({ id }) => wanted(baseOf(id))),
});

test.each([
  ['of the suite', FULL ? 10 : 1, () => true],
  ['about memory and addressing', FULL ? 100 : 20, aboutAddresses],
])(
  'the same verdicts of the cases %s at %i more random sets of DMA addresses, copied and mapped',
  async (_, sets, wanted) => {
    const expected = verdicts(only(wanted));
    expect(expected.length).toBeGreaterThan(0);
    for (let seed = 2; seed <= sets + 1; seed++) {
      const run = await runOnModel({ seed, copying: seed % 2 === 0, only: wanted });
      expect(verdicts(run), `seed ${seed}`).toEqual(expected);
      expect(
        run.standing.filter(({ violations }) => violations > 0),
        `seed ${seed}`,
      ).toEqual([]);
    }
  },
);

describe('each mutant turns the cases meant for it red, by their own expectations', () => {
  test.each([
    ['lun.phantom-units', ['scsi.req.missing-unit[flat]', 'scsi.req.missing-unit[peripheral]']],
    [
      'response.overrun-swallowed',
      ['scsi.req.overrun.short-data-in[2]', 'scsi.req.overrun.short-data-in[8]'],
    ],
    ['framing.response-needs-one-descriptor', ['ring.framing.response-split[per field]']],
  ])('%s: %j', async (mutant, ids) => {
    const bases = new Set(ids.map((id) => id.replace(/\[.*/, '')));
    const { results } = await runOnModel({ seed: 1, mutant, only: (id) => bases.has(id) });
    const red = results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip');
    expect(red.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    for (const { findings } of red.filter(({ id }) => ids.includes(id))) {
      expect(
        findings.some(({ severity, requirements }) => severity === 'fail' && requirements.length > 0),
      ).toBe(true);
      for (const { check } of findings) expect(check).not.toMatch(/set-up/);
    }
  });
});
