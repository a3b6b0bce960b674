/** Which requirements are covered, and on what evidence. Pure functions over what the files say. */
import { commandSetOf, type ScsiRequirement } from '../cases/scsi-requirements.js';
import type { CatalogueEntry } from './catalogue.js';
import type { Evidence } from './mutation-evidence.js';
import { byText } from './stable-json.js';
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

/** What covers an id, and where that passed. */
type Support = Pick<RequirementCoverage, 'cases' | 'standing' | 'unproved' | 'witnesses'>;

function supportOf({ cases, standing, evidence, witnesses }: CoverageInput): (id: string) => Support {
  const casesOf = index(
    cases.map(({ id, covers }) => [id, covers] as const),
    evidence.cases,
  );
  const checksOf = index(
    Object.entries(standing).map(([check, { requirement }]) => [check, [requirement]] as const),
    evidence.standing,
  );
  return (id) => {
    const [ofCases, ofChecks] = [casesOf(id), checksOf(id)];
    const seenOn = new Set([
      ...ofCases.proved.flatMap((name) => witnesses.cases[name] ?? []),
      ...ofChecks.proved.flatMap((name) => witnesses.standing[name] ?? []),
    ]);
    return {
      cases: ofCases.proved,
      standing: ofChecks.proved,
      unproved: [...ofCases.unproved, ...ofChecks.unproved],
      witnesses: [...seenOn].sort(byText),
    };
  };
}

/** The state that cases and standing checks give; undefined where none is proved. */
function coveredState({ cases, standing, witnesses }: Support): 'witnessed' | 'model-only' | undefined {
  if (cases.length + standing.length === 0) return undefined;
  return witnesses.length > 0 ? 'witnessed' : 'model-only';
}

/** The state of every requirement, in the order of the catalogue. */
export function computeCoverage(input: CoverageInput): readonly RequirementCoverage[] {
  const { catalogue, reasons } = input;
  const support = supportOf(input);
  return catalogue.map(({ id, area, role, strength, testable, how }): RequirementCoverage => {
    const found = support(id);
    const head = { id, area, role, strength, testable };
    const covered = coveredState(found);
    if (covered) return { ...head, state: covered, ...found };
    const reason = reasons.get(id);
    if (reason !== undefined) return { ...head, state: 'reasoned', ...found, reason };
    // Where nothing can be tested the catalogue itself says why.
    if (testable === 'no') return { ...head, state: 'untestable', ...found, reason: how };
    return { ...head, state: 'open', ...found };
  });
}

/** What is known of one rule of the SCSI command sets, which are counted apart from virtio. */
export interface ScsiCoverage
  extends Support,
    Pick<ScsiRequirement, 'id' | 'commands' | 'strength' | 'agreement'> {
  /** E.g. `spc`. */
  readonly commandSet: string;
  readonly state: Exclude<CoverageState, 'untestable'>;
  readonly reason?: string;
}

/** The state of every rule of the SCSI command sets, in the order of their catalogue. */
export function computeScsi(input: CoverageInput, rules: Iterable<ScsiRequirement>): readonly ScsiCoverage[] {
  const support = supportOf(input);
  return Array.from(rules, ({ id, commands, strength, agreement }): ScsiCoverage => {
    const found = support(id);
    const head = { id, commandSet: commandSetOf(id), commands, strength, agreement };
    const covered = coveredState(found);
    if (covered) return { ...head, state: covered, ...found };
    const reason = input.reasons.get(id);
    return reason === undefined
      ? { ...head, state: 'open', ...found }
      : { ...head, state: 'reasoned', ...found, reason };
  });
}
