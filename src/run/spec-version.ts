/**
 * `--spec`: what an older version of the standard does not have is not asked of a device. Cases all of whose
 * requirements came later are skipped; in the others the expectations that came later decide nothing.
 */
import type { RequirementRegistry } from '../cases/requirements.js';
import type { ExpandedCase, Skip, Step } from '../cases/types.js';
import { type CaseResult, type Finding, verdictOf } from './results.js';

/** Versions of the standard that the catalogue knows. */
export const SPEC_VERSIONS = ['1.0', '1.1', '1.2', '1.3', '1.4'] as const;
export type SpecVersion = (typeof SPEC_VERSIONS)[number];
/** The version that a run asks for unless it is told another. */
export const NEWEST_SPEC = '1.4' satisfies SpecVersion;

/** The part of a requirement that matters here; one that does not say since when it holds has always held. */
type Dated = ReadonlyMap<string, { readonly since?: string }>;

const rank = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

/** A run against one version of the standard. */
export class SpecFilter {
  readonly #version: string;
  readonly #requirements: Dated;

  constructor(version: SpecVersion, requirements: RequirementRegistry | Dated) {
    this.#version = version;
    this.#requirements = requirements;
  }

  /** Whether there are requirements, and all of them came after the version. */
  #later(covers: readonly string[]): boolean {
    return (
      covers.length > 0 &&
      covers.every((id) => rank(this.#requirements.get(id)?.since ?? '1.0') > rank(this.#version))
    );
  }

  /** The case as this version of the standard has it: skipped, or with the later expectations deciding nothing. */
  plan<P extends ExpandedCase>(plan: P): P {
    if (plan.skip) return plan;
    if (this.#later(plan.covers)) {
      const since = plan.covers.map((id) => `${id} since ${this.#requirements.get(id)?.since}`);
      const evidence = `the run is for virtio ${this.#version}; ${since.join(', ')}`;
      const skip: Skip = { kind: 'excluded-mode', evidence };
      return { ...plan, steps: [], skip };
    }
    if (!plan.covers.some((id) => this.#later([id]))) return plan;
    return { ...plan, steps: this.#weaken(plan.steps) as readonly Step[] };
  }

  /**
   * A copy of a plan in which later expectations are notes. They are not cut out: the case goes on after them in any
   * event, and `result` takes the notes away.
   */
  #weaken(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#weaken(each));
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return value;
    const copy: Record<string, unknown> = Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, this.#weaken(each)]),
    );
    if (Array.isArray(copy.covers) && this.#later(copy.covers as string[])) {
      delete copy.ruling;
      if ('level' in copy) copy.level = 'MAY';
      if ('is' in copy) copy.verdict = 'pass';
    }
    return copy;
  }

  /** The result without what was found about later requirements. */
  result(result: CaseResult): CaseResult {
    const own = ({ requirements, severity }: Finding) => severity !== 'note' || !this.#later(requirements);
    const findings = result.findings.filter(own);
    if (findings.length === result.findings.length) return result;
    return { ...result, findings, verdict: verdictOf(findings) };
  }
}
