import { expect, test } from 'vitest';
import type { Behaviours } from '../../src/model/behaviours.js';
import { Sense } from '../../src/model/units/sense.js';
import { ScsiStatus } from '../../src/wire/scsi/status.js';
import { runOnModel } from './in-process.js';

const UNKNOWN = { status: ScsiStatus['CHECK CONDITION'], sense: Sense.INVALID_OPCODE };

/** A unit that lists no commands, and carries out a MODE SENSE(10) so many times. */
const knowing =
  (times: number) =>
  (behaviours: Behaviours): void => {
    let left = times;
    behaviours.perform = ({ command }, run) => {
      if (command.name.startsWith('REPORT SUPPORTED')) return UNKNOWN;
      return command.name === 'MODE SENSE(10)' && left-- <= 0 ? UNKNOWN : run();
    };
  };

test.each([
  ['never knew', 0, 'skip'],
  ['forgets within a case', 3, 'fail'],
])('a command that the unit %s', async (_, times, verdict) => {
  const { results } = await runOnModel({
    seed: 3,
    change: knowing(times),
    only: (id) => id === 'spc.mode-sense.page-alone',
  });
  expect(results.map((result) => result.verdict)).toContain(verdict);
});
