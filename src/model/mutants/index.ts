/** The registry of mutants. */
import { ADDRESSING_MUTANTS } from './addressing.js';
import type { Mutant } from './mutant.js';
import { RESPONSE_MUTANTS } from './response.js';
import { STALL_MUTANTS } from './stalls.js';

export type { Mutant } from './mutant.js';

/** All mutants; ids are unique. */
export const MUTANTS: readonly Mutant[] = [...ADDRESSING_MUTANTS, ...RESPONSE_MUTANTS, ...STALL_MUTANTS];

const byId = new Map(MUTANTS.map((mutant) => [mutant.id, mutant]));

/** The mutant of that id. */
export function mutantById(id: string): Mutant | undefined {
  return byId.get(id);
}
