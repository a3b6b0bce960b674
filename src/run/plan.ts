/** The list of cases that a run goes through, as one device gives it. */
import type { Expansion, ExpansionProblem } from '../cases/expand.js';
import type { ExpandedCase } from '../cases/types.js';
import type { Selection } from './messages.js';
import type { CaseResult, Finding } from './results.js';
import { choiceMatcher } from './select.js';

/** One case of the run: to be carried out, or with a result already because it cannot be. */
export type PlanEntry = { readonly id: string; readonly title: string; readonly file: string } & (
  | { readonly plan: ExpandedCase; readonly result?: undefined }
  | { readonly plan?: undefined; readonly result: CaseResult }
);

/**
 * The selected cases in the order of the files. A case that cannot be expanded on this device is an error of the case,
 * reported like any other result. With `ids`, just those in their order: a device that is started in mid-run must not
 * change what the run consists of.
 */
export function planOf(
  expansion: Expansion,
  selection: Selection,
  ids: readonly string[] | undefined,
): { readonly entries: readonly PlanEntry[]; readonly available: readonly string[] } {
  const problems = new Map<string, ExpansionProblem[]>();
  for (const problem of expansion.problems) {
    const group = problems.get(problem.id);
    if (group) group.push(problem);
    else problems.set(problem.id, [problem]);
  }
  // The base id stands for all expansions of a case that has problems: none of them is what its author wrote.
  const sound = expansion.cases.filter(({ baseId }) => !problems.has(baseId));
  const all: PlanEntry[] = [
    ...sound.map((plan) => ({ id: plan.id, title: plan.title, file: plan.file, plan })),
    ...[...problems].map(([id, group]) => ({
      id,
      title: '',
      file: group[0]?.file ?? '',
      result: errorResult(id, group.map(expansionFinding)),
    })),
  ];
  if (ids !== undefined) {
    const byId = new Map(all.map((entry) => [entry.id, entry]));
    return { entries: ids.map((id) => byId.get(id) ?? missing(id)), available: [] };
  }
  const chosen = choiceMatcher(selection);
  const bases = selection.bases && new Set(selection.bases);
  const entries = all.filter(
    ({ id, plan }) => chosen(id) && (bases === undefined || bases.has(plan?.baseId ?? id)),
  );
  return { entries, available: entries.length > 0 ? [] : all.map(({ id }) => id) };
}

function errorResult(id: string, findings: readonly Finding[]): CaseResult {
  return { id, title: '', mode: 'default', verdict: 'error', durationMs: 0, findings };
}

function expansionFinding({ file, line, message }: ExpansionProblem): Finding {
  return {
    step: 'expansion',
    check: 'case',
    requirements: [],
    severity: 'error',
    expected: 'a case that can be given to this device',
    got: message,
    place: `${file}:${line}`,
  };
}

function missing(id: string): PlanEntry {
  const finding: Finding = {
    step: 'expansion',
    check: 'case',
    requirements: [],
    severity: 'error',
    expected: 'the same cases on every device of a run',
    got: 'a device started later does not offer what this case was expanded over',
  };
  return { id, title: '', file: '', result: errorResult(id, [finding]) };
}
