/** Expansion: a loaded case becomes one runnable case for each combination of its axes, with facts bound. */
import { axisLabel, axisValues, bindings, compileAxis, toScopeValue } from './compile-axes.js';
import { applyCaseSettings, type CaseCursors, compileBody, defineLet, defineNames } from './compile-case.js';
import { Compiler, child, mapOf } from './compiler.js';
import type { EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { evaluateCondition } from './evaluate.js';
import { LayeredMap } from './layered-map.js';
import { LIMITS } from './limits.js';
import { placeAt } from './places.js';
import type {
  CaseDefinition,
  DevicePlan,
  ExpandedCase,
  Level,
  Modes,
  Need,
  ReadonlyScope,
  ScopeValue,
  Skip,
} from './types.js';
import { roleName } from './vocabulary.js';

/** What a device under test offers, as far as expansion needs it. */
export interface Environment {
  /** Facts by flat dotted names: `disk.blocks`, `dev.request_queues`, `free_target`, …. */
  readonly facts: ReadonlyScope;
  /** Roles that are bound, as `needs` writes them. */
  readonly roles: ReadonlySet<string>;
  /** Feature bits that the device offers. */
  readonly features: bigint;
  /** Feature bits that nothing this run reaches could offer: they are carried out above it. */
  readonly featuresAbove?: bigint;
  /** Of `LAYERS`: transport and interface of this run. */
  readonly layers: ReadonlySet<string>;
  /** Of `CAPABILITIES`: what the adapter can do. */
  readonly capabilities: ReadonlySet<string>;
  /** Whether the unit of a role serves a command. Left out: every command is taken to be served. */
  readonly serves?: (role: string, command: string) => boolean;
  /** Whether the unit of a role is lent for writing. */
  readonly scratch?: (role: string) => boolean;
  /** For conditions and axes: `offered()`, `bar_size()`. */
  readonly context?: EvalContext;
}

/** What is wrong with a case on this device. */
export interface ExpansionProblem {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

export interface Expansion {
  readonly cases: readonly ExpandedCase[];
  readonly problems: readonly ExpansionProblem[];
}

const LIVE: DevicePlan = { until: 'live', queues: [], state: 'live' };

/** Expands a case. Cases whose needs are not met come out as skipped, without steps. */
export function expandCase(definition: CaseDefinition, environment: Environment): Expansion {
  const { source } = definition;
  const cursors: CaseCursors = {
    file: { raw: source.root, path: [] },
    case: {
      raw: source.path.reduce<unknown>(
        (value, key) => (Array.isArray(value) ? (value as unknown[])[Number(key)] : mapOf(value)[key]),
        source.root,
      ),
      path: source.path,
    },
  };
  const problems: ExpansionProblem[] = [];
  const complain = (line: number, message: string) =>
    problems.push({ id: definition.id, file: definition.file, line, message });
  const compiler = new Compiler({
    report: (path, _, message) => complain(placeAt(source.places, path).line, message),
    registries: source.registries,
    checking: false,
    locate: (path) => placeAt(source.places, path),
    facts: environment.facts,
  });
  const context: EvalContext = {
    offered: (bit) => ((environment.features >> BigInt(bit)) & 1n) === 1n,
    ...environment.context,
  };
  const make = (
    labels: readonly string[],
    scope: ReadonlyScope,
    c: Compiler | undefined,
    skip?: Skip,
  ): ExpandedCase => {
    const body = c && !skip ? compileBody(c, cursors, scope) : { device: LIVE, steps: [] };
    const waive = Object.entries(mapOf(child(cursors.case, 'waive')?.raw)).map(
      ([check, reason]) => [check, String(reason)] as const,
    );
    return {
      id: labels.length === 0 ? definition.id : `${definition.id}[${labels.join(',')}]`,
      baseId: definition.id,
      title: definition.title,
      file: definition.file,
      line: definition.at.line,
      suite: definition.suite,
      spec: definition.spec,
      area: definition.id.split('.')[0] ?? definition.id,
      covers: definition.covers,
      museum: definition.museum,
      needs: definition.needs,
      modes: definition.modes,
      level: (c?.level as Level | undefined) ?? 'MUST',
      ...body,
      hostile: definition.hostile,
      waive: new Map(waive),
      tags: definition.tags,
      changes: definition.changes,
      scope,
      writes: [...(c?.writes ?? [])],
      ...(skip ? { skip } : {}),
    };
  };

  const early = unmet(definition.needs, environment, undefined, context);
  if (early) return { cases: [make([], environment.facts, undefined, early)], problems };
  try {
    const cases: ExpandedCase[] = [];
    const seen = new Set<string>();
    const common = new LayeredMap(environment.facts);
    applyCaseSettings(compiler, cursors);
    defineNames(compiler, definition.needs);
    defineLet(compiler, child(cursors.file, 'let'), common, context);
    if (problems.length > 0) return { cases: [], problems };
    for (const { labels, bound } of combinations(cursors, compiler, common, context)) {
      const key = labels.join(',');
      // Facts may coincide with a value beside them, e.g. sizes [2, 4, =dev.max_queue_size].
      if (seen.has(key)) continue;
      seen.add(key);
      const c = compiler.fork();
      const scope = new LayeredMap(common);
      for (const [name, value] of bound) {
        scope.set(name, value);
        c.define(name, value);
      }
      defineLet(c, child(cursors.case, 'let'), scope, context);
      const skip = unmet(definition.needs, environment, scope, context);
      const before = problems.length;
      const expanded = make(labels, scope, c, skip);
      // A plan with holes must not run.
      if (problems.length === before) cases.push(expanded);
    }
    return { cases, problems };
  } catch (error) {
    if (!(error instanceof CaseError)) throw error;
    complain(definition.at.line, error.message);
    return { cases: [], problems };
  }
}

interface Combination {
  readonly labels: readonly string[];
  readonly bound: ReadonlyMap<string, ScopeValue>;
}

/** Every combination of the axes, the first axis changing slowest. */
function combinations(
  cursors: CaseCursors,
  compiler: Compiler,
  common: ReadonlyScope,
  context: EvalContext,
): Combination[] {
  const each = child(cursors.case, 'each');
  let out: Combination[] = [{ labels: [], bound: new Map() }];
  if (!each) return out;
  for (const name of Object.keys(mapOf(each.raw))) {
    const axisAt = child(each, name);
    if (!axisAt) continue;
    const next: Combination[] = [];
    for (const before of out) {
      const c = compiler.fork();
      const scope = new LayeredMap(common);
      for (const [key, value] of before.bound) {
        scope.set(key, value);
        c.define(key, value);
      }
      const axis = compileAxis(c, axisAt);
      const values =
        axis.kind === 'numbers'
          ? axisValues(axis.source, scope, context)
          : axis.values.map((value) => toScopeValue(c, value, scope, context) ?? '');
      for (const value of values) {
        next.push({
          labels: [...before.labels, axisLabel(value)],
          bound: new Map([...before.bound, ...bindings(name, value)]),
        });
        if (next.length > LIMITS.expansion)
          throw new CaseError('LIMIT', `the axes expand to more than ${LIMITS.expansion} cases`);
      }
    }
    out = next;
  }
  return out;
}

function isSet(features: bigint, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n;
}

/** Of a free address nothing can be asked. */
const isUnit = (role: string): boolean => roleName(role) !== 'free_target' && role !== 'free-unit';

/**
 * The first need that is not met. Without a scope, conditions are left for later. A command is asked of the role that
 * is named last before it, so that a case with two units says of which of them it needs what.
 */
function unmet(
  needs: readonly Need[],
  environment: Environment,
  scope: ReadonlyScope | undefined,
  context: EvalContext,
): Skip | undefined {
  const roles = needs.flatMap((need) => (need.kind === 'role' && !need.negated ? [need.role] : []));
  const units = roles.filter(isUnit);
  let asked = units[0];
  const served = (command: string): boolean =>
    asked === undefined || (environment.serves?.(asked, command) ?? true);
  for (const need of needs) {
    if (need.kind === 'role' && !need.negated && isUnit(need.role)) asked = need.role;
    const skip = (kind: Skip['kind'], evidence: string): Skip => ({ kind, evidence });
    const has = (present: boolean) => present !== need.negated;
    const not = need.negated ? 'is' : 'is not';
    switch (need.kind) {
      case 'layer':
        if (!has(environment.layers.has(need.layer))) return skip('no-layer', `the run ${not} ${need.layer}`);
        break;
      case 'feature':
        if (!has(isSet(environment.features, need.bit)))
          return isSet(environment.featuresAbove ?? 0n, need.bit)
            ? skip('no-layer', `${need.feature} is carried out above vhost`)
            : skip('not-offered', `${need.feature} ${not} offered`);
        break;
      case 'role':
        if (!has(environment.roles.has(need.role))) return skip('not-offered', `${need.role} ${not} bound`);
        break;
      case 'control':
        if (!has(environment.capabilities.has(need.control)))
          return skip('no-control', `the adapter ${need.negated ? 'has' : 'has no'} ${need.control}`);
        break;
      case 'command':
        if (!has(served(need.command)))
          return skip('not-offered', `${need.command} ${not} served by ${asked ?? 'any unit'}`);
        break;
      case 'scratch': {
        const missing = units.find((role) => environment.scratch?.(role) !== true);
        if (!has(missing === undefined))
          return skip('not-consented', `${missing ?? 'every unit'} ${not} lent for writing`);
        break;
      }
      case 'condition': {
        if (scope === undefined) break;
        const named = scope.get(need.condition.text);
        if (typeof named === 'string') {
          if (!has(served(named)))
            return skip('not-offered', `${named} ${not} served by ${asked ?? 'any unit'}`);
        } else if (!has(evaluateCondition(need.condition, scope, context)))
          return skip('not-offered', `${need.negated ? '' : 'not '}${need.condition.text}`);
      }
    }
  }
  return undefined;
}

/** Why a case is left out of a mode of the run; undefined when it takes part. */
export function excludedByMode(modes: Modes, current: Required<Modes>): Skip | undefined {
  for (const [axis, wanted] of Object.entries(modes)) {
    const is = current[axis as keyof Modes];
    if (wanted !== undefined && wanted !== is)
      return { kind: 'excluded-mode', evidence: `${axis} is ${String(is)}, the case is for ${wanted}` };
  }
  return undefined;
}
