/** Whether the stored evidence is about the cases and mutants that there are. */
import type { Evidence } from './mutation-evidence.js';

function difference(what: string, there: readonly string[], stored: readonly string[]): string[] {
  const [now, then] = [new Set(there), new Set(stored)];
  return [
    ...there.filter((id) => !then.has(id)).map((id) => `${what} ${id} is not in the evidence`),
    ...stored.filter((id) => !now.has(id)).map((id) => `the evidence is about ${what} ${id}, which is gone`),
  ];
}

/** What is out of date, one line each; none if nothing is. Whether the outcomes still hold only a run can tell. */
export function staleEvidence(
  evidence: Evidence,
  cases: readonly string[],
  mutants: readonly string[],
): readonly string[] {
  const { cases: proofs, skipped, red } = evidence;
  return [
    ...difference('case', cases, [...Object.keys(proofs), ...skipped, ...red]),
    ...difference('mutant', mutants, Object.keys(evidence.mutants)),
  ];
}
