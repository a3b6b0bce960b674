/** Devices that stop: for tests of the watchdog and of time limits. The command is WRITE BUFFER, which nobody needs. */
import type { Mutant } from './mutant.js';

const WRITE_BUFFER = 0x3b;

export const STALL_MUTANTS: readonly Mutant[] = [
  {
    id: 'stall.loop-forever',
    sentence: 'The device loops for ever on WRITE BUFFER.',
    source: 'test',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        while (call.cdb[0] === WRITE_BUFFER);
        return run();
      };
    },
  },
  {
    id: 'stall.never-complete',
    sentence: 'WRITE BUFFER is never completed.',
    source: 'test',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => (call.cdb[0] === WRITE_BUFFER ? undefined : run());
    },
  },
];
