/** Compiles a whole case: needs, names, device and steps. Shared by the loader and by expansion. */
import { Feature, type FeatureName } from '../wire/virtio.js';
import { checkRows, compileAxis, toScopeValue } from './compile-axes.js';
import { compileDevice } from './compile-device.js';
import { checkSettled, compileSteps } from './compile-steps.js';
import { type Compiler, type Cursor, child, elements, mapOf } from './compiler.js';
import type { EvalContext } from './context.js';
import { parseExpression } from './expression.js';
import { LIMITS } from './limits.js';
import type { DevicePlan, Level, Modes, Need, ReadonlyScope, Scope, ScopeValue, Step, Tag } from './types.js';
import { CAPABILITIES, COMMAND_NAMES, LAYERS, roleName } from './vocabulary.js';

/** The maps of a file that a case is made of. */
export interface CaseCursors {
  readonly file: Cursor;
  readonly case: Cursor;
}

/** A key of the case, or of the file's defaults where the case does not give it. */
export function inherited({ file, case: own }: CaseCursors, key: string): Cursor | undefined {
  const defaults = child(file, 'defaults');
  return child(own, key) ?? (defaults && child(defaults, key));
}

/** Needs and tags of defaults and case add up. */
function added({ file, case: own }: CaseCursors, key: string): Cursor[] {
  const defaults = child(file, 'defaults');
  return [defaults && child(defaults, key), child(own, key)].flatMap((found) =>
    found ? elements(found) : [],
  );
}

/** Needs of a case. */
export function compileNeeds(c: Compiler, cursors: CaseCursors): Need[] {
  return added(cursors, 'needs').map((cursor): Need => {
    const text = String(cursor.raw);
    const negated = text.startsWith('!');
    const word = negated ? text.slice(1) : text;
    const base = { text, negated };
    if (word.startsWith('=')) {
      const condition = c.guard(cursor, 'value', parseExpression('1 == 1'), () =>
        parseExpression(word.slice(1)),
      );
      return { ...base, kind: 'condition', condition };
    }
    if (Object.hasOwn(Feature, word))
      return { ...base, kind: 'feature', feature: word, bit: Feature[word as FeatureName] };
    if (LAYERS.some((layer) => layer === word)) return { ...base, kind: 'layer', layer: word };
    if (word === 'scratch') return { ...base, kind: 'scratch' };
    if (CAPABILITIES.some((capability) => capability === word))
      return { ...base, kind: 'control', control: word };
    if (COMMAND_NAMES.includes(word)) return { ...base, kind: 'command', command: word };
    return { ...base, kind: 'role', role: word };
  });
}

/** Makes facts and roles known; where the compiler has values of them, those stay. */
export function defineNames(c: Compiler, needs: readonly Need[]): void {
  c.defineFacts();
  for (const need of needs) {
    if (need.kind === 'control' && !need.negated) c.capabilities.add(need.control);
    if (need.kind !== 'role' || need.negated) continue;
    const name = roleName(need.role);
    // A free target is a number and no unit; everything else has the facts of a unit.
    if (name === 'free_target') c.define(name);
    else c.defineUnit(name);
  }
}

/**
 * Conditions among needs are read once facts, axes and `let` are known by name. One that is the name of a text stands
 * for the command of that name.
 */
export function checkConditions(
  c: Compiler,
  cursors: CaseCursors,
  needs: readonly Need[],
  scope: ReadonlyScope,
): void {
  const places = added(cursors, 'needs');
  for (const [index, need] of needs.entries()) {
    const cursor = places[index];
    if (need.kind !== 'condition' || !cursor) continue;
    c.guard(cursor, 'value', undefined, () => c.use(need.condition));
    const named = scope.get(need.condition.text);
    if (typeof named === 'string' && !COMMAND_NAMES.includes(named))
      c.report(cursor.path, 'value', `${need.condition.text} is "${named}", which is no command`);
  }
}

/** Binds the names of a `let`, in order. */
export function defineLet(c: Compiler, cursor: Cursor | undefined, scope: Scope, context: EvalContext): void {
  if (!cursor) return;
  for (const key of Object.keys(mapOf(cursor.raw))) {
    const found = child(cursor, key);
    if (!found) continue;
    c.refuseUnitName(key, found.path, true);
    const value = toScopeValue(c, found, scope, context);
    c.define(key, value);
    if (value !== undefined) scope.set(key, value);
  }
}

/** One way to bind the axes of a case. */
export type Binding = ReadonlyMap<string, ScopeValue | undefined>;

/**
 * Bindings that show every text at least once, for checking: texts decide how steps are read, numbers do not.
 * The first value of the other axes stands in meanwhile.
 */
export function trialBindings(c: Compiler, cursor: Cursor | undefined): Binding[] {
  const axes = Object.keys(mapOf(cursor?.raw)).map((name) => {
    const found = cursor && child(cursor, name);
    if (!found) return { name, values: [undefined] };
    c.refuseUnitName(name, found.path, true);
    const axis = compileAxis(c, found);
    if (axis.kind === 'numbers') {
      c.define(name);
      return { name, values: [undefined] };
    }
    c.define(name);
    if (axis.values.length > LIMITS.expansion)
      c.report(found.path, 'limit', `an axis of a case has at most ${LIMITS.expansion} values`);
    else if (checkRows(c, found))
      return { name, values: axis.values.map((value) => toScopeValue(c, value, new Map(), {})) };
    return { name, values: [undefined] };
  });
  const first = new Map(axes.map(({ name, values }) => [name, values[0]]));
  const out: Binding[] = [first];
  for (const { name, values } of axes)
    for (const value of values.slice(1)) out.push(new Map([...first, [name, value]]));
  return out;
}

/** What the steps of a case are compiled to. */
export interface CompiledBody {
  readonly device: DevicePlan;
  readonly steps: readonly Step[];
}

/** Compiles device and steps with the names that `c` knows. */
export function compileBody(c: Compiler, cursors: CaseCursors, scope: ReadonlyScope): CompiledBody {
  const device = compileDevice(c, inherited(cursors, 'device'));
  const stepsAt = child(cursors.case, 'steps');
  const steps = stepsAt ? compileSteps(c, stepsAt, scope) : [];
  checkSettled(c);
  return { device, steps };
}

/** Takes over what holds for the whole case: level, hostility, and the id that covers all expectations. */
export function applyCaseSettings(c: Compiler, cursors: CaseCursors): void {
  const level = inherited(cursors, 'level');
  c.level = level && (String(level.raw) as Level);
  c.hostile = child(cursors.case, 'hostile') !== undefined;
  const covers = child(cursors.case, 'covers');
  const ids = covers ? elements(covers).map((element) => c.requirementId(element)) : [];
  if (covers && ids.length > 1)
    c.report(
      covers.path,
      'covers',
      `a case covers one id; put these ${ids.length} onto the expectations that check them`,
      { key: true },
    );
  c.defaultCovers = ids;
}

/**
 * After the steps: every id is attached to something that asserts, and there is at least one. Where the case has
 * other mistakes (`broken`) its expectations may be missing for that reason.
 */
export function checkCoverage(c: Compiler, cursors: CaseCursors, broken: boolean): void {
  const covers = child(cursors.case, 'covers');
  if (covers && !broken && !c.usedDefault && elements(covers).length === 1)
    c.report(covers.path, 'covers', 'no expectation of the case is left for this id to cover', { key: true });
  if (!covers && !broken && c.covered.size === 0)
    c.report(
      cursors.case.path,
      'covers',
      'the case covers nothing: give "covers" for it or for its expectations',
    );
  if (c.usedDefault) for (const id of c.defaultCovers) c.covered.add(id);
}

/** Bugs named by `museum` exist. */
export function checkMuseum(c: Compiler, cursors: CaseCursors): void {
  const museum = child(cursors.case, 'museum');
  const known = c.registries.museum;
  if (!museum || !known) return;
  for (const element of elements(museum))
    if (!known.has(String(element.raw)))
      c.report(element.path, 'covers', `no bug "${String(element.raw)}" in the museum`);
}

/** The plain keys of a case. */
export function plainSettings(cursors: CaseCursors): {
  readonly modes: Modes;
  readonly tags: readonly Tag[];
  readonly changes: readonly string[];
  readonly museum: readonly string[];
} {
  const list = (key: string) => {
    const found = child(cursors.case, key);
    return found ? elements(found).map(({ raw }) => String(raw)) : [];
  };
  const modes = mapOf(inherited(cursors, 'modes')?.raw) as Modes;
  const tags = [...new Set(added(cursors, 'tags').map(({ raw }) => String(raw) as Tag))];
  return { modes, tags, changes: list('changes'), museum: list('museum') };
}
