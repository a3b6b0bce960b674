/** The list of cases that a run goes through, as one device gives it. */
import type { ExpansionProblem } from '../cases/expand.js';
import type { expandAll, RunnableCase } from './expand-all.js';
import type { PlannedCase, Selection } from './messages.js';
import { modeName, resultKey } from './modes.js';
import type { CaseResult, Finding } from './results.js';
import { choiceMatcher } from './select.js';
import { isInShard } from './shard.js';

/** One case of the run: to be carried out, or with a result already because it cannot be. */
export type PlanEntry = PlannedCase &
  (
    | { readonly plan: RunnableCase; readonly result?: undefined }
    | { readonly plan?: undefined; readonly result: CaseResult }
  );

/**
 * The selected cases in the order of the files. A case that cannot be expanded on this device is an error of the case,
 * reported like any other result. With `planned`, just those in their order: a device that is started in mid-run must
 * not change what the run consists of.
 */
export function planOf(
  expansion: ReturnType<typeof expandAll>,
  selection: Selection,
  planned: readonly PlannedCase[] | undefined,
): { readonly entries: readonly PlanEntry[]; readonly available: readonly string[] } {
  const problems = new Map<string, ExpansionProblem[]>();
  for (const problem of expansion.problems) {
    const group = problems.get(problem.id);
    if (group) group.push(problem);
    else problems.set(problem.id, [problem]);
  }
  // The base id stands for all expansions of a case that has problems: none of them is what its author wrote.
  const sound = expansion.cases.filter(({ baseId }) => !problems.has(baseId));
  const unnumbered = [
    ...sound.map((plan) => ({
      id: plan.id,
      mode: modeName(plan.mode),
      title: plan.title,
      file: plan.file,
      plan,
    })),
    ...[...problems].map(([id, group]) => ({
      id,
      mode: '',
      title: '',
      file: group[0]?.file ?? '',
      result: errorResult({ id, mode: '' }, group.map(expansionFinding)),
    })),
  ];
  const all: PlanEntry[] = unnumbered.map((entry, order) => ({ ...entry, order }));
  if (planned !== undefined) {
    const byKey = new Map(all.map((entry) => [resultKey(entry), entry]));
    return { entries: planned.map((one) => byKey.get(resultKey(one)) ?? missing(one)), available: [] };
  }
  const chosen = choiceMatcher(selection);
  const bases = selection.bases && new Set(selection.bases);
  const only = selection.only && new Set(selection.only);
  const without = new Set(selection.without);
  const entries = all.filter((entry) => {
    const key = resultKey(entry);
    if (without.has(key) || (only !== undefined && !only.has(key))) return false;
    if (selection.shard !== undefined && !isInShard(entry.id, selection.shard)) return false;
    return chosen(entry.id) && (bases === undefined || bases.has(entry.plan?.baseId ?? entry.id));
  });
  return { entries, available: entries.length > 0 ? [] : all.map(({ id }) => id) };
}

function errorResult(
  { id, mode }: Pick<PlannedCase, 'id' | 'mode'>,
  findings: readonly Finding[],
): CaseResult {
  return { id, title: '', mode, verdict: 'error', durationMs: 0, findings };
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

function missing(planned: PlannedCase): PlanEntry {
  const finding: Finding = {
    step: 'expansion',
    check: 'case',
    requirements: [],
    severity: 'error',
    expected: 'the same cases on every device of a run',
    got: 'a device started later does not offer what this case was expanded over',
  };
  return { ...planned, result: errorResult(planned, [finding]) };
}
