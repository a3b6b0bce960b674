/** Deviations in sense data that single cases look at. */
import { Sense } from '../units/sense.js';
import { edited, ending, named, refused } from './command-shapes.js';
import type { Mutant } from './mutant.js';

export const SENSE_DATA_MUTANTS: readonly Mutant[] = [
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
