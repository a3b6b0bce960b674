/** Which requirements are covered, and on what evidence. Pure functions over what the files say. */
import type { CatalogueEntry } from './catalogue.js';
import type { Evidence } from './mutation-evidence.js';
import type { Witnesses } from './witnesses.js';

/** Whether a requirement is covered, and if not, why. */
export type CoverageState =
  /** Covered, and a device that is not ours passed. */
  | 'witnessed'
  /** Covered, and shown on the reference model alone. */
  | 'model-only'
  /** No case, for a reason written down in `spec-cases/reasons.yaml`. */
  | 'reasoned'
  /** No case, since nothing can be tested on a device. */
  | 'untestable'
  /** No case yet, or none that is proved. */
  | 'open';

/** What is known of one requirement; the JSON form of `vscsi coverage --json`. */
export interface RequirementCoverage {
  readonly id: string;
  readonly area: string;
  readonly role: CatalogueEntry['role'];
  readonly strength: CatalogueEntry['strength'];
  readonly testable: CatalogueEntry['testable'];
  readonly state: CoverageState;
  /** Cases with an expectation that covers it, each proved by a mutant that the case caught. */
  readonly cases: readonly string[];
  /** Standing checks that rest on it, each proved by a mutant that violates it. */
  readonly standing: readonly string[];
  /** Cases and standing checks that would cover it, but that nothing has shown to be able to fail. */
  readonly unproved: readonly string[];
  /** Devices on which one of the cases or standing checks passed. */
  readonly witnesses: readonly string[];
  readonly reason?: string;
}

export interface CoverageInput {
  readonly catalogue: readonly CatalogueEntry[];
  readonly cases: readonly { readonly id: string; readonly covers: readonly string[] }[];
  /** The requirement of each standing check. */
  readonly standing: Readonly<Record<string, { readonly requirement: string }>>;
  readonly evidence: Evidence;
  readonly witnesses: Witnesses;
  readonly reasons: ReadonlyMap<string, string>;
}

type ByName = Readonly<Record<string, readonly string[]>>;

/** Names by the requirement that they cover, apart by whether they are proved. */
function index(
  covering: readonly (readonly [name: string, requirements: readonly string[]])[],
  proofs: ByName,
): (id: string) => { readonly proved: readonly string[]; readonly unproved: readonly string[] } {
  const byRequirement = new Map<string, string[]>();
  for (const [name, requirements] of covering)
    for (const id of requirements) byRequirement.set(id, [...(byRequirement.get(id) ?? []), name]);
  const proved = (name: string) => (proofs[name] ?? []).length > 0;
  return (id) => {
    const names = byRequirement.get(id) ?? [];
    return { proved: names.filter(proved), unproved: names.filter((name) => !proved(name)) };
  };
}

/** The state of every requirement, in the order of the catalogue. */
export function computeCoverage(input: CoverageInput): readonly RequirementCoverage[] {
  const { catalogue, evidence, witnesses, reasons } = input;
  const casesOf = index(
    input.cases.map(({ id, covers }) => [id, covers] as const),
    evidence.cases,
  );
  const checksOf = index(
    Object.entries(input.standing).map(([check, { requirement }]) => [check, [requirement]] as const),
    evidence.standing,
  );
  return catalogue.map(({ id, area, role, strength, testable, how }): RequirementCoverage => {
    const [cases, checks] = [casesOf(id), checksOf(id)];
    const seenOn = new Set([
      ...cases.proved.flatMap((name) => witnesses.cases[name] ?? []),
      ...checks.proved.flatMap((name) => witnesses.standing[name] ?? []),
    ]);
    const covered = cases.proved.length + checks.proved.length > 0;
    // Where nothing can be tested the catalogue itself says why.
    const reason = covered ? undefined : (reasons.get(id) ?? (testable === 'no' ? how : undefined));
    const state = covered
      ? seenOn.size > 0
        ? 'witnessed'
        : 'model-only'
      : reasons.has(id)
        ? 'reasoned'
        : testable === 'no'
          ? 'untestable'
          : 'open';
    return {
      id,
      area,
      role,
      strength,
      testable,
      state,
      cases: cases.proved,
      standing: checks.proved,
      unproved: [...cases.unproved, ...checks.unproved],
      witnesses: [...seenOn].sort(),
      ...(reason !== undefined && { reason }),
    };
  });
}
