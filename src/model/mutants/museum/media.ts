/** Removable media as drives once treated them. */

import { GOOD } from '../../units/command-result.js';
import { Sense } from '../../units/sense.js';
import { isEmpty, MEDIUM_REMOVAL_MUTANTS } from '../medium-removal.js';
import type { Mutant } from '../mutant.js';
import { alike, exhibit } from './exhibit.js';

export const MEDIA_EXHIBITS: readonly Mutant[] = [
  alike(
    'QSD-43-start-stop-power-condition',
    'sbc.start-stop.power-condition',
    'START STOP UNIT ejects whatever POWER CONDITION says.',
    MEDIUM_REMOVAL_MUTANTS,
    'start-stop.power-condition-ignored',
  ),
  exhibit(
    'QSD-44-eject-while-locked',
    'spc.prevent.eject-refused',
    'A drive whose medium must stay is told to eject it, and says GOOD.',
    () => ({
      result: (result) => {
        const { asc, ascq } = Sense.MEDIUM_REMOVAL_PREVENTED;
        return result.sense?.asc === asc && result.sense.ascq === ascq ? GOOD : result;
      },
    }),
  ),
  exhibit(
    'QSD-47-io-without-medium-asserts',
    'sbc.transfer.no-medium',
    'READ of a drive without a medium is never answered.',
    () => ({
      perform: ({ unit, command }, run) =>
        isEmpty(unit) && command.name.startsWith('READ(') ? undefined : run(),
    }),
  ),
  alike(
    'QSD-45-tray-lock-survives-reset',
    'sam.reset.prevention-ends',
    'Only PREVENT ALLOW MEDIUM REMOVAL ends a prevention.',
    MEDIUM_REMOVAL_MUTANTS,
    'prevent.outlives-reset',
  ),
];
