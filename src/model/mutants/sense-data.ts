/** Deviations in sense data that single cases look at. */
import type { CommandResult } from '../units/command-result.js';
import { Sense } from '../units/sense.js';
import { acting, cdb, edited, ending, named, refused } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const DEFERRED: readonly Mutant[] = [
  ending(
    'deferred.as-current',
    'The error of an earlier command is told as one of the command that it comes with.',
    (result) =>
      result.sense?.deferred ? { ...result, sense: { ...result.sense, deferred: false } } : result,
  ),
  acting(
    'deferred.carried-out',
    'A command with which a deferred error comes is carried out all the same.',
    (_call, _disk, run) => {
      const result = run();
      if (!result.sense?.deferred) return result;
      const { data } = run();
      return data ? { ...result, data } : result;
    },
  ),
  acting('deferred.lost', 'Nothing tells of a write that failed after it had ended.', (_call, _disk, run) => {
    const result = run();
    return result.sense?.deferred ? run() : result;
  }),
  {
    id: 'deferred.twice',
    sentence: 'A deferred error is told twice.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      let again: CommandResult | undefined;
      behaviours.perform = (_call, run) => {
        const told = again;
        again = undefined;
        if (told) return told;
        const result = run();
        if (result.sense?.deferred) again = result;
        return result;
      };
    },
  },
  cdb(
    'deferred.in-spite-of-fua',
    'A write with FUA ends before it is on the medium.',
    (bytes, { command }) => {
      if (command.name.startsWith('WRITE(') && bytes[0] !== 0x0a) bytes[1] = (bytes[1] ?? 0) & ~0x08;
    },
  ),
];

export const SENSE_DATA_MUTANTS: readonly Mutant[] = [
  ...DEFERRED,
  ending(
    'sense.list-pointer-in-cdb',
    'The field pointer of an error of a parameter list says that it points into the CDB.',
    (result) =>
      refused(result, Sense.INVALID_FIELD_IN_PARAMETER_LIST.asc) && result.sense?.pointer
        ? { ...result, sense: { ...result.sense, pointer: { ...result.sense.pointer, inCdb: true } } }
        : result,
  ),
  ending(
    'request-sense.attention-as-error',
    'A unit attention that REQUEST SENSE returns as data is an ABORTED COMMAND.',
    (result, call) =>
      named(call, 'REQUEST SENSE')
        ? edited(result, (data) => {
            if (((data[2] ?? 0) & 0x0f) === 0x06) data[2] = 0x0b;
          })
        : result,
  ),
];
