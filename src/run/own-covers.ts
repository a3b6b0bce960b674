/** Which requirements the suite's own cases cover. */
import { ownCases } from './load-cases.js';

let known: ReadonlyMap<string, readonly string[]> | undefined;

/** By the id of the case as written; read when it is first asked for. Throws CaseFilesError. */
export function ownCovers(): ReadonlyMap<string, readonly string[]> {
  known ??= new Map(ownCases().files.flatMap(({ cases }) => cases.map(({ id, covers }) => [id, covers])));
  return known;
}
