/**
 * State of compiling one case: which names are known where, and where mistakes are reported. The loader compiles
 * each case to find mistakes, with facts still unknown; expansion compiles it for good.
 */
import { Feature } from '../wire/virtio.js';
import { compilePattern, expressionPattern } from './byte-pattern.js';
import { CaseError } from './errors.js';
import { constant, inFlightNamesOf, namesOf, parseExpression } from './expression.js';
import { LayeredMap, type ReadonlyNames } from './layered-map.js';
import type { PatternCount, PatternItem } from './pattern-item.js';
import { derivedLevel, type RequirementRegistry } from './requirements.js';
import { didYouMean } from './suggest.js';
import type {
  BytePattern,
  Expression,
  Judgement,
  Level,
  Position,
  ScopeValue,
  Size,
  Value,
} from './types.js';
import { parseDuration, parseNumber, parseSize, parseValue, textOf } from './values.js';
import { DEVICE_FACTS, type NamedValues, UNIT_FACTS } from './vocabulary.js';

/** Keys and indexes from the top of the file. */
export type Path = readonly (string | number)[];

/** Short words that say what kind of mistake a message is about. */
export type ProblemKind =
  | 'yaml'
  | 'case'
  | 'step'
  | 'key'
  | 'value'
  | 'name'
  | 'cdb'
  | 'bytes'
  | 'wait'
  | 'expect'
  | 'covers'
  | 'limit';

/** Takes a mistake; `column` is within the text of the value at `path`. */
export type Reporter = (path: Path, kind: ProblemKind, message: string, part?: PartOfValue) => void;

/** What of a value is meant: its key, or a column of its text, from 1. */
export interface PartOfValue {
  readonly key?: boolean;
  readonly column?: number | undefined;
}

/** Ids that may be named; what is missing is not checked. */
export interface Registries {
  readonly requirements?: RequirementRegistry;
  readonly museum?: ReadonlySet<string>;
  readonly rulings?: ReadonlySet<string>;
}

/** A raw value and where it stands. */
export interface Cursor {
  readonly raw: unknown;
  readonly path: Path;
}

/** A raw map; anything else reads as an empty one. */
export function mapOf(raw: unknown): Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !(raw instanceof Uint8Array)
    ? (raw as Record<string, unknown>)
    : {};
}

/** The value under a key, with its path; undefined where the key is missing. */
export function child(cursor: Cursor, key: string): Cursor | undefined {
  const map = mapOf(cursor.raw);
  return Object.hasOwn(map, key) && map[key] !== undefined
    ? { raw: map[key], path: [...cursor.path, key] }
    : undefined;
}

/** The elements of a list, or the single value as its only element. */
export function elements(cursor: Cursor): Cursor[] {
  if (!Array.isArray(cursor.raw)) return [cursor];
  return cursor.raw.map((raw, index) => ({ raw: raw as unknown, path: [...cursor.path, index] }));
}

interface NameState {
  /** Names in scope; undefined: the value is known only when running. */
  readonly names: LayeredMap<ScopeValue | undefined>;
  /** Names captured in a step with `when`, and that condition. */
  readonly conditional: Map<string, string>;
}

const NOTHING = constant(0n);
const ANY_BYTES: BytePattern = { text: 'any', items: [], captures: [], any: true };

/** What a pattern that cannot be read would capture, so that one mistake does not make others of the names' uses. */
function capturesOf(raw: unknown): string[] {
  const found = typeof raw === 'string' ? raw.matchAll(/\{\s*as\s+([a-z][a-z0-9_]*)\s*:/g) : [];
  return [...found].flatMap(([, name]) => (name === undefined ? [] : [name]));
}

/** See the head of the file. */
export class Compiler {
  readonly report: Reporter;
  readonly registries: Registries;
  /** Facts have no values yet: what depends on them cannot be told. */
  readonly checking: boolean;
  readonly locate: (path: Path) => Position;
  /** What was sent under a name and may be waited for, with the place that sent it. */
  readonly inFlight = new Map<string, Path>();
  /** The unit that what is in flight under a name addresses. */
  readonly #inFlightUnits = new Map<string, string | undefined>();
  /** Names in flight that some step waits for or leaves on purpose. */
  readonly settled = new Set<string>();
  /** Names that are staged and not yet published. */
  readonly staged = new Set<string>();
  readonly covered = new Set<string>();
  readonly rulings = new Set<string>();
  /** Roles to whose units the case writes; what it has plugged itself is its own. */
  readonly writes = new Set<string>();
  /** Roles bound by `needs` and units that `plug` named. */
  readonly units = new Set<string>();
  readonly #plugged = new Set<string>();
  /** What the case asks of the adapter by `needs`. */
  readonly capabilities = new Set<string>();
  hostile = false;
  level: Level | undefined;
  /** The id that covers every expectation without one of its own. */
  defaultCovers: readonly string[] = [];
  usedDefault = false;
  /** Steps compiled so far; a repeat over texts multiplies them. */
  steps = 0;
  #state: NameState;
  /** Unit that the current step addresses: its blocks are what `b` counts. */
  #unit: string | undefined;
  #when: string | undefined;

  constructor(options: {
    readonly report: Reporter;
    readonly registries: Registries;
    readonly checking: boolean;
    readonly locate: (path: Path) => Position;
    /** Names with values, where the device is known. */
    readonly facts?: ReadonlyNames<ScopeValue | undefined>;
  }) {
    this.report = options.report;
    this.registries = options.registries;
    this.checking = options.checking;
    this.locate = options.locate;
    this.#state = { names: new LayeredMap(options.facts), conditional: new Map() };
  }

  /** A compiler that knows what this one has been told, and keeps to itself what it learns. */
  fork(): Compiler {
    const { report, registries, checking, locate } = this;
    const fork = new Compiler({ report, registries, checking, locate, facts: this.#state.names });
    for (const unit of this.units) fork.units.add(unit);
    for (const capability of this.capabilities) fork.capabilities.add(capability);
    fork.hostile = this.hostile;
    fork.level = this.level;
    fork.defaultCovers = this.defaultCovers;
    return fork;
  }

  // -------------------------------------------------------------- names

  /** Makes a name known; without a value it becomes known when the case runs. */
  define(name: string, value?: ScopeValue): void {
    this.#state.names.set(name, value);
    this.#state.conditional.delete(name);
    if (typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array))
      for (const [key, item] of Object.entries(value)) this.define(`${name}.${key}`, item);
  }

  /** Makes the facts of a unit known: a role, or a name that `plug` gives. */
  defineUnit(name: string): void {
    this.units.add(name);
    for (const fact of UNIT_FACTS) this.#makeKnown(`${name}.${fact}`);
  }

  /** A value that is known stays. */
  #makeKnown(name: string): void {
    if (!this.#state.names.has(name)) this.#state.names.set(name, undefined);
  }

  /** Makes a unit known that the case plugs. */
  definePlugged(name: string): void {
    this.#plugged.add(name);
    this.defineUnit(name);
  }

  /** Notes that the case writes to a unit. */
  writesTo(unit: string): void {
    if (!this.#plugged.has(unit)) this.writes.add(unit);
  }

  defineFacts(): void {
    for (const fact of DEVICE_FACTS) this.#makeKnown(fact);
  }

  /** A name captured from what a device answers. */
  capture(name: string): void {
    if (this.#when !== undefined && !this.#state.names.has(name))
      this.#state.conditional.set(name, this.#when);
    else this.define(name);
  }

  valueOf = (name: string): ScopeValue | undefined => this.#state.names.get(name);

  /** Whether a name stands for a row whose keys are known only when running. */
  #open(name: string): boolean {
    const dot = name.lastIndexOf('.');
    if (dot < 0) return false;
    const owner = name.slice(0, dot);
    return this.#state.names.has(owner) && this.#state.names.get(owner) === undefined;
  }

  knows(name: string): boolean {
    return (
      this.#state.names.has(name) || this.#open(name) || /^cap\.[a-z]+\.[a-z]+$/.test(name) || name in Feature
    );
  }

  /** Runs `body` with names of its own; `keep` lets what it captured stay known afterwards. */
  within<T>(keep: boolean, body: () => T): T {
    if (keep) return body();
    const before = this.#state;
    this.#state = { names: new LayeredMap(before.names), conditional: new Map(before.conditional) };
    try {
      return body();
    } finally {
      this.#state = before;
    }
  }

  /** Runs `body` as a step that addresses `unit` under the condition `when`. */
  step<T>(unit: string | undefined, when: string | undefined, body: () => T): T {
    const [oldUnit, oldWhen] = [this.#unit, this.#when];
    this.#unit = unit;
    this.#when = when;
    try {
      return body();
    } finally {
      this.#unit = oldUnit;
      this.#when = oldWhen;
    }
  }

  /** Refuses a new name that would hide a unit. */
  refuseUnitName(name: string, path: Path, key = false): void {
    if (this.units.has(name)) this.report(path, 'name', `"${name}" is the name of a unit already`, { key });
  }

  /** Something is in flight under a name from here on. */
  send(name: string, path: Path): void {
    this.inFlight.set(name, path);
    this.#inFlightUnits.set(name, this.#unit);
  }

  /** The unit that something in flight addresses, if it is known. */
  unitInFlight(name: string): string | undefined {
    return this.#inFlightUnits.get(name);
  }

  // -------------------------------------------------------------- guarded reading

  /** Runs `read`; a mistake is reported at `cursor` and `fallback` stands in. */
  guard<T>(cursor: Cursor, kind: ProblemKind, fallback: T, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof CaseError)) throw error;
      const own: ProblemKind =
        error.code === 'UNKNOWN_NAME' ? 'name' : error.code === 'LIMIT' ? 'limit' : kind;
      // Columns of expressions are counted without the "=" before them.
      const shift = typeof cursor.raw === 'string' && cursor.raw.startsWith('=') ? 1 : 0;
      this.report(cursor.path, own, error.message, { column: error.column && error.column + shift });
      return fallback;
    }
  }

  /** True where the value hangs on a fact that has no value yet; then nothing can be said about it. */
  undetermined(cursor: Cursor): boolean {
    if (!this.checking || typeof cursor.raw !== 'string') return false;
    const name = /^=\s*([A-Za-z_][A-Za-z0-9_.]*)\s*$/.exec(cursor.raw)?.[1];
    return name !== undefined && this.knows(name) && this.valueOf(name) === undefined;
  }

  number(cursor: Cursor, names: NamedValues = {}): Expression {
    return this.guard(cursor, 'value', NOTHING, () => this.use(parseNumber(cursor.raw, names, this.valueOf)));
  }

  optionalNumber(cursor: Cursor, key: string, names: NamedValues = {}): Expression | undefined {
    const found = child(cursor, key);
    return found && this.number(found, names);
  }

  value(cursor: Cursor, names: NamedValues = {}): Value {
    return this.guard<Value>(cursor, 'value', { kind: 'any' }, () => {
      const value = parseValue(cursor.raw, names, this.valueOf);
      if (value.kind === 'equals') this.use(value.value);
      if (value.kind === 'range') for (const end of [value.from, value.to]) if (end) this.use(end);
      if (value.kind === 'mask') for (const part of [value.mask, value.equals]) this.use(part);
      return value;
    });
  }

  size(cursor: Cursor): Size {
    return this.guard<Size>(cursor, 'value', { count: NOTHING, unit: 'bytes' }, () => {
      const size = parseSize(cursor.raw, this.valueOf);
      this.use(size.count);
      return size;
    });
  }

  duration(cursor: Cursor | undefined, otherwise: number): number {
    return cursor === undefined
      ? otherwise
      : this.guard(cursor, 'value', otherwise, () => parseDuration(cursor.raw));
  }

  /** An expression without its `=`, as in `check` and `when`. */
  condition(cursor: Cursor): Expression {
    return this.guard(cursor, 'value', NOTHING, () => {
      const text = String(cursor.raw);
      if (text.startsWith('='))
        throw new CaseError('SYNTAX', `write the expression without "=": ${text.slice(1).trim()}`);
      const expression = this.use(parseExpression(text));
      if (expression.constant !== undefined)
        throw new CaseError('SYNTAX', `"${text}" is a number, not a condition`);
      return expression;
    });
  }

  /** One of a few words, or a name that stands for one. */
  word<W extends string>(cursor: Cursor, words: readonly W[], fallback: W): W {
    return this.guard(cursor, 'value', fallback, () => {
      if (this.undetermined(cursor)) return fallback;
      const value = textOf(cursor.raw, this.valueOf);
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      throw new CaseError(
        'SYNTAX',
        `"${String(value)}" is none of ${words.join(', ')}${didYouMean(String(value), words)}`,
      );
    });
  }

  /** Bytes to send (`output`) or to expect. */
  pattern(cursor: Cursor, output: boolean): BytePattern {
    const { raw } = cursor;
    const pattern = this.guard(cursor, 'bytes', undefined, () => {
      if (typeof raw === 'bigint' || typeof raw === 'number')
        throw new CaseError('SYNTAX', `${raw} is a number: quote byte patterns`);
      if (typeof raw !== 'string') throw new CaseError('SYNTAX', 'a byte pattern is a quoted text');
      const read = this.#readPattern(raw, output);
      this.#usePattern(read.items);
      return read;
    });
    for (const name of pattern?.captures ?? capturesOf(raw)) this.capture(name);
    return pattern ?? ANY_BYTES;
  }

  #readPattern(raw: string, output: boolean): BytePattern {
    const options = { output, texts: this.valueOf, unit: this.#unit };
    if (!raw.startsWith('=')) return compilePattern(raw, options);
    const text = textOf(raw, this.valueOf);
    if (typeof text === 'string' && text !== raw) return compilePattern(text, options);
    return expressionPattern(this.use(parseExpression(raw.slice(1))), this.#unit);
  }

  #usePattern(items: readonly PatternItem[]): void {
    const used: (Expression | undefined)[] = [];
    const captured: string[] = [];
    const useCount = (count: PatternCount | undefined) => {
      if (count && count.kind !== 'rest') used.push(count.count);
      if (count?.kind === 'blocks' && this.#unit === undefined)
        throw new CaseError('SYNTAX', 'a count in blocks needs a unit that is addressed by a role');
    };
    for (const item of items) {
      useCount(item.count);
      if (item.kind === 'alternatives') for (const inner of item.alternatives) this.#usePattern(inner);
      if (item.kind === 'stamp') used.push(item.seed, item.lba);
      if (item.kind === 'prng') used.push(item.seed);
      if ((item.kind === 'stamp' || (item.kind === 'prng' && !item.count)) && this.#unit === undefined)
        throw new CaseError(
          'SYNTAX',
          `${item.kind}() makes blocks, so it needs a unit that is addressed by a role`,
        );
      if (item.kind === 'value') {
        used.push(item.list);
        if (item.value.kind === 'equals') used.push(item.value.expression);
        if (item.value.kind === 'range') used.push(item.value.from, item.value.to);
      }
      // A capture may be used further on in the same pattern: {as n:be16} {as list:u8[n]}.
      for (const expression of used.splice(0)) if (expression) this.#useNames(expression, captured);
      if (item.kind === 'value' && item.value.kind === 'capture') captured.push(item.value.name);
    }
  }

  /** Checks that everything an expression names is known. */
  use(expression: Expression): Expression {
    this.#useNames(expression, []);
    return expression;
  }

  #useNames(expression: Expression, also: readonly string[]): void {
    for (const name of namesOf(expression)) {
      if (also.includes(name) || this.knows(name)) continue;
      const when = this.#state.conditional.get(name);
      if (when !== undefined && when === this.#when) continue;
      const at = expression.text.indexOf(name);
      // `=` stands before the expression in most places, but not in all; the reporter finds the name itself.
      if (when !== undefined)
        throw new CaseError(
          'UNKNOWN_NAME',
          `"${name}" is captured only when ${when}, but used also otherwise`,
          at + 1,
        );
      throw new CaseError(
        'UNKNOWN_NAME',
        `unknown name "${name}"${didYouMean(name, this.#state.names.keys())}`,
        at + 1,
      );
    }
    for (const name of inFlightNamesOf(expression)) this.#checkInFlight(name);
  }

  #checkInFlight(name: string): void {
    if (this.inFlight.has(name)) return;
    const known = [...this.inFlight.keys()];
    throw new CaseError(
      'UNKNOWN_NAME',
      `nothing in flight is called "${name}"${known.length > 0 ? `; in flight here: ${known.join(', ')}` : ''}`,
    );
  }

  /** The name of something in flight. */
  inFlightName(cursor: Cursor): string {
    const name = String(cursor.raw);
    this.guard({ ...cursor }, 'wait', undefined, () => {
      try {
        this.#checkInFlight(name);
      } catch (error) {
        if (error instanceof CaseError) throw new CaseError('SYNTAX', error.message);
        throw error;
      }
    });
    return name;
  }

  // -------------------------------------------------------------- judgements

  /**
   * How an expectation counts. `parts` are the maps that may say so, innermost first. The catalogue's strength wins
   * over a written level, which only fills in where the catalogue gives none.
   */
  judgement(parts: readonly Cursor[], at: Path, noneNeeded = false): Judgement {
    const [, ...outer] = parts;
    const own = this.#ids(parts.map((part) => child(part, 'covers')).find((found) => found !== undefined));
    const covers = own ?? this.defaultCovers;
    if (own === undefined && !noneNeeded && this.defaultCovers.length > 0) this.usedDefault = true;
    if (own) for (const id of own) this.covered.add(id);
    const levelAt = parts.map((part) => child(part, 'level')).find((found) => found !== undefined);
    const derived = derivedLevel(covers, this.registries.requirements);
    const written = levelAt && this.word<Level>(levelAt, ['MUST', 'SHOULD', 'MAY'], 'MUST');
    if (levelAt && written && derived && own && derived !== written)
      this.report(
        levelAt.path,
        'covers',
        `the catalogue says ${derived} for ${own.join(', ')}: leave "level" out`,
        {
          key: true,
        },
      );
    const ruling = this.ruling(parts[0] ?? outer[0]);
    this.#refuseHarshness(own ?? [], parts[0] ?? outer[0], derived);
    const because = child(parts[0] ?? { raw: {}, path: [] }, 'because');
    return {
      level: derived ?? written ?? this.level ?? 'MUST',
      covers,
      at: this.locate(at),
      ...(ruling === undefined ? {} : { ruling }),
      ...(because ? { because: String(because.raw) } : {}),
    };
  }

  /** What rests on a single implementation is worth a warning; nothing may make a fail of it. */
  #refuseHarshness(ids: readonly string[], cursor: Cursor | undefined, level: Level | undefined): void {
    const single = ids.find((id) => this.registries.requirements?.get(id)?.singleSource);
    const found = cursor && child(cursor, 'covers');
    if (single === undefined || !found) return;
    const oneOf = child(cursor, 'one_of');
    const harsh =
      level === 'MUST'
        ? 'what else is covered here fails: give it an expectation of its own'
        : child(cursor, 'ruling')
          ? 'a ruling may say more: leave it out'
          : oneOf && elements(oneOf).some((each) => mapOf(each.raw).verdict === 'fail')
            ? 'an alternative says fail: let it warn'
            : undefined;
    if (harsh)
      this.report(found.path, 'covers', `${single} rests on one source and warns at most; ${harsh}`, {
        key: true,
      });
  }

  /** The `ruling` of a map, checked. */
  ruling(cursor: Cursor | undefined): string | undefined {
    const found = cursor && child(cursor, 'ruling');
    if (!found) return undefined;
    const id = String(found.raw);
    this.rulings.add(id);
    const known = this.registries.rulings;
    if (known && !known.has(id))
      this.report(found.path, 'covers', `no ruling "${id}"${didYouMean(id, known)}`);
    return id;
  }

  /** Requirement ids of a `covers` key, checked. */
  #ids(cursor: Cursor | undefined): readonly string[] | undefined {
    if (!cursor) return undefined;
    return elements(cursor).map((element) => this.requirementId(element));
  }

  requirementId(cursor: Cursor): string {
    const id = String(cursor.raw);
    const known = this.registries.requirements;
    if (known && !known.has(id))
      this.report(cursor.path, 'covers', `no requirement "${id}"${didYouMean(id, known.keys())}`);
    return id;
  }

  /** Refuses ids on something that asserts nothing. */
  refuseCovers(cursor: Cursor, why: string): void {
    const found = child(cursor, 'covers');
    if (found) this.report(found.path, 'covers', `${why}, so it covers nothing`, { key: true });
  }
}
