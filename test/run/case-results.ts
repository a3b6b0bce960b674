/** Results of cases that never ran, for tests of what is made of results. */
import type { CaseResult, Verdict } from '../../src/run/results.js';

/** One result a case, in the usual mode. */
export function caseResults(verdicts: Readonly<Record<string, Verdict>>): CaseResult[] {
  return Object.entries(verdicts).map(([id, verdict]) => ({
    id,
    title: '',
    mode: 'pci.split',
    verdict,
    durationMs: 0,
    findings: [],
  }));
}
