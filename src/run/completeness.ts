/** Whether results are of all that there is to run. */
import type { RunResults } from './results.js';
import { NEWEST_SPEC } from './spec-version.js';

/** Whether the run was neither narrowed nor ended early, so that what it does not have is not there. */
export function isComplete({
  request,
  spec,
  interrupted,
  failure,
}: Pick<RunResults, 'request' | 'spec' | 'interrupted' | 'failure'>): boolean {
  if (request === undefined || interrupted || failure !== undefined) return false;
  const { cases, select = [], skip = [], area, requirement, modes, shard } = request;
  const narrowed =
    select.length > 0 ||
    skip.length > 0 ||
    typeof modes === 'object' ||
    [area, requirement, cases, shard].some((choice) => choice !== undefined);
  return !narrowed && (spec ?? NEWEST_SPEC) === NEWEST_SPEC;
}
