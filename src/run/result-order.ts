/** The order of results, whatever part of a run they come from. */
import { TRANSPORT_NAMES } from '../port/transport-name.js';
import type { CaseResult } from './results.js';

/** Results in the order of the case files, transport by transport; those that do not tell their places stay as they are. */
export function inOrder(cases: readonly CaseResult[]): CaseResult[] {
  const rank = ({ mode }: CaseResult): number => {
    const transport = mode.split('.')[0];
    const at = (TRANSPORT_NAMES as readonly (string | undefined)[]).indexOf(transport);
    return at < 0 ? TRANSPORT_NAMES.length : at;
  };
  return [...cases].sort((a, b) =>
    a.order === undefined || b.order === undefined ? 0 : rank(a) - rank(b) || a.order - b.order,
  );
}
