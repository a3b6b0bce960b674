/** The mutants that prove cases. */
import { MUTANTS } from '../model/mutants/index.js';

/** Ids in the order of the table. Mutants for tests of the suite itself break nothing that a case could ask for. */
export const PROVING_MUTANTS: readonly string[] = MUTANTS.filter(({ source }) => source !== 'test').map(
  ({ id }) => id,
);
