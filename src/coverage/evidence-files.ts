/** Where the evidence is kept. */
import { join } from 'node:path';
import { FIXTURES } from '../run/package-info.js';

/** Which mutants the cases catch; written by `vscsi mutate --write`. */
export const MUTANTS_FILE: string = join(FIXTURES, 'evidence', 'mutants.json');
/** On which foreign devices the cases passed; written by `vscsi coverage --witness`. */
export const WITNESSES_FILE: string = join(FIXTURES, 'evidence', 'witnesses.json');
