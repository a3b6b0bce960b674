/** The cases on the reference model: all green, whatever the addresses; and each mutant turns its own cases red. */

import { describe, expect, test } from 'vitest';
import { FULL } from '../full.js';
import { runOnModel, verdicts } from './in-process.js';

test('every case passes and no standing check is violated', async () => {
  const run = await runOnModel({ seed: 1 });
  expect(run.results.length).toBeGreaterThanOrEqual(10);
  expect(run.results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip')).toEqual([]);
  expect(run.standing.filter(({ violations }) => violations > 0)).toEqual([]);
});

test('in all modes, too', { timeout: 300_000 }, async () => {
  const run = await runOnModel({ seed: 1, modes: 'all' });
  expect(run.results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip')).toEqual([]);
  expect(run.standing.filter(({ violations }) => violations > 0)).toEqual([]);
});

/** Cases about where buffers lie and what addresses units. */
const aboutAddresses = (id: string) => /^(ring|scsi\.req\.(lun|missing|target))/.test(id);

test.each([
  ['of the suite', FULL ? 10 : 3, () => true],
  ['about memory and addressing', FULL ? 100 : 40, aboutAddresses],
])(
  'the same verdicts of the cases %s at %i random sets of DMA addresses, mapped and copied',
  {
    timeout: 300_000,
  },
  async (_, sets, only) => {
    const expected = verdicts(await runOnModel({ seed: 1, only }));
    expect(expected.length).toBeGreaterThan(0);
    for (let seed = 2; seed <= sets + 1; seed++) {
      const run = await runOnModel({ seed, copying: seed % 2 === 0, only });
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
