/** The cases on the reference model: all green, whatever the addresses; and each mutant turns its own cases red. */
import { describe, expect, test } from 'vitest';
import { runOnModel, verdicts } from './in-process.js';

test('every case passes and no standing check is violated', async () => {
  const run = await runOnModel({ seed: 1 });
  expect(run.results.length).toBeGreaterThanOrEqual(10);
  expect(run.results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip')).toEqual([]);
  expect(run.standing.filter(({ violations }) => violations > 0)).toEqual([]);
});

test('the same verdicts at 100 random sets of DMA addresses, mapped and copied', {
  timeout: 300_000,
}, async () => {
  const expected = verdicts(await runOnModel({ seed: 1 }));
  for (let seed = 2; seed <= 101; seed++) {
    const run = await runOnModel({ seed, copying: seed % 2 === 0 });
    expect(verdicts(run), `seed ${seed}`).toEqual(expected);
    expect(
      run.standing.filter(({ violations }) => violations > 0),
      `seed ${seed}`,
    ).toEqual([]);
  }
});

describe('each mutant turns exactly the cases meant for it red, by their own expectations', () => {
  test.each([
    ['lun.phantom-units', ['scsi.req.missing-unit[flat]', 'scsi.req.missing-unit[peripheral]']],
    [
      'response.overrun-swallowed',
      ['scsi.req.overrun.short-data-in[2]', 'scsi.req.overrun.short-data-in[8]'],
    ],
    ['framing.response-needs-one-descriptor', ['ring.framing.response-split[per field]']],
  ])('%s: %j', async (mutant, ids) => {
    const { results } = await runOnModel({ seed: 1, mutant });
    const red = results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip');
    expect(red.map(({ id }) => id)).toEqual(ids);
    for (const { findings } of red) {
      expect(findings.length).toBeGreaterThan(0);
      for (const { severity, check, requirements } of findings) {
        expect(severity).toBe('fail');
        expect(check).not.toMatch(/set-up/);
        expect(requirements.length).toBeGreaterThan(0);
      }
    }
  });
});
