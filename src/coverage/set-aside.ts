/**
 * Mutants that nobody is to look at while writing cases: a quarter of those made from tables, chosen by their ids. How
 * many of them are caught in the end tells how good the cases are at what they were not written for.
 */
import { MUTANTS } from '../model/mutants/index.js';
import { hashOfText } from '../run/hash.js';

const ONE_IN = 4;
const SEED = 'set aside: ';

/** Their ids. */
export const SET_ASIDE: ReadonlySet<string> = new Set(
  MUTANTS.flatMap(({ id, source }) =>
    source === 'layout' && hashOfText(`${SEED}${id}`) % ONE_IN === 0 ? [id] : [],
  ),
);
