/** Requests that reach the wrong unit. */
import type { Mutant } from './mutant.js';

export const ADDRESSING_MUTANTS: readonly Mutant[] = [
  {
    id: 'lun.phantom-units',
    sentence: 'Any unit number of a target reaches unit 0.',
    requirement: 'scsi.req.lun-target-format',
    source: 'museum CRV-08-phantom-luns',
    apply: (behaviours) => {
      behaviours.destination = ({ target, ...rest }) => ({
        target,
        ...rest,
        unit: target ? target.units.get(0) : rest.unit,
      });
    },
  },
];
