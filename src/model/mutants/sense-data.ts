/** Deviations in sense data that single cases look at. */
import { GOOD } from '../units/command-result.js';
import { Sense } from '../units/sense.js';
import { edited, ending, named, refused } from './command-shapes.js';
import type { Mutant } from './mutant.js';

/** Operation codes of which a service action makes a command: PERSISTENT RESERVE IN, 7Fh, SERVICE ACTION IN, MAINTENANCE IN. */
const SHARED_OPCODES = [0x5e, 0x7f, 0x9e, 0xa3];

export const SENSE_DATA_MUTANTS: readonly Mutant[] = [
  ending(
    'service-action.unknown-good',
    'A service action that is not known is GOOD.',
    (result, { cdb: bytes }) => (SHARED_OPCODES.includes(bytes[0] ?? 0) && refused(result) ? GOOD : result),
  ),
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
