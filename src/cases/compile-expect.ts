/** Compiles what steps expect. */
import { compileLun, UNKNOWN_LOCATION } from './compile-places.js';
import { type Compiler, type Cursor, child, elements, mapOf } from './compiler.js';
import { CaseError } from './errors.js';
import { parseExpression } from './expression.js';
import type {
  AlternativeHead,
  AlternativeVerdict,
  EventChecks,
  Location,
  Matcher,
  Outcome,
  ResultAlternative,
  ResultBlock,
  ResultChecks,
  ResultExpectation,
  SeenBlock,
  SeenExpectation,
  UsedChecks,
  Value,
} from './types.js';
import { parseSensePattern, textOf } from './values.js';
import {
  EVENT_REASONS,
  EVENTS,
  type NamedValues,
  namesOfLocation,
  RESPONSES,
  STATUSES,
} from './vocabulary.js';

const NO_CURSOR: Cursor = { raw: {}, path: [] };
const OUTCOMES = ['returned', 'needs_reset', 'silent'] as const;

function values(c: Compiler, cursor: Cursor | undefined, names: NamedValues): Value[] | undefined {
  return cursor && elements(cursor).map((element) => c.value(element, names));
}

function optionalValue(c: Compiler, cursor: Cursor, key: string, names: NamedValues = {}): Value | undefined {
  const found = child(cursor, key);
  return found && c.value(found, names);
}

function compileUsed(c: Compiler, cursor: Cursor): UsedChecks {
  if (cursor.raw === 'any') return {};
  const [len, slot, id, entries, writeFlag] = ['len', 'slot', 'id', 'entries', 'write_flag'].map((key) =>
    optionalValue(c, cursor, key),
  );
  return {
    ...(len ? { len } : {}),
    ...(slot ? { slot } : {}),
    ...(id ? { id } : {}),
    ...(entries ? { entries } : {}),
    ...(writeFlag ? { writeFlag } : {}),
  };
}

function compileEvent(c: Compiler, cursor: Cursor): EventChecks {
  const event = optionalValue(c, cursor, 'event', EVENTS);
  const missed = optionalValue(c, cursor, 'missed');
  const reason = optionalValue(c, cursor, 'reason', EVENT_REASONS);
  const lun = child(cursor, 'lun');
  return {
    ...(event ? { event } : {}),
    ...(missed ? { missed } : {}),
    ...(reason ? { reason } : {}),
    ...(lun ? { lun: lun.raw === 'any' ? 'any' : compileLun(c, lun) } : {}),
  };
}

function compileInterrupt(c: Compiler, cursor: Cursor): NonNullable<ResultChecks['interrupt']> {
  const vector = c.optionalNumber(cursor, 'vector');
  if (!vector) return { count: c.value(cursor) };
  const count = optionalValue(c, cursor, 'count');
  const once: Value = { kind: 'equals', value: parseExpression('1') };
  return { vector, count: count ?? once };
}

/** The parts of a block that are compared with what came back. */
function compileChecks(c: Compiler, cursor: Cursor): ResultChecks {
  // Patterns come first: `residual: =251 - n` may use what data_in captures.
  const [dataInAt, piInAt, rawInAt] = ['data_in', 'pi_in', 'in'].map((key) => child(cursor, key));
  const dataIn = dataInAt && c.pattern(dataInAt, false);
  const piIn = piInAt && c.pattern(piInAt, false);
  const rawIn = rawInAt && elements(rawInAt).map((element) => c.pattern(element, false));
  const outcome = child(cursor, 'outcome');
  const response = values(c, child(cursor, 'response'), RESPONSES);
  const status = values(c, child(cursor, 'status'), STATUSES);
  const senseAt = child(cursor, 'sense');
  const sense =
    senseAt &&
    elements(senseAt).map((element) =>
      c.guard(element, 'value', { kind: 'none' as const }, () =>
        c.undetermined(element) ? { kind: 'none' as const } : parseSensePattern(element.raw, c.valueOf),
      ),
    );
  const [senseLen, residual, statusQualifier, eventActual, configInterrupt] = [
    'sense_len',
    'residual',
    'status_qualifier',
    'event_actual',
    'config_interrupt',
  ].map((key) => optionalValue(c, cursor, key));
  const [used, event, interrupt] = ['used', 'event', 'interrupt'].map((key) => child(cursor, key));
  const names = (key: string) => {
    const found = child(cursor, key);
    return found && elements(found).map((element) => c.inFlightName(element));
  };
  const [after, before] = [names('after'), names('before')];
  return {
    ...(outcome
      ? { outcome: elements(outcome).map((element) => c.word<Outcome>(element, OUTCOMES, 'returned')) }
      : {}),
    ...(child(cursor, 'answer') ? { answerAny: true as const } : {}),
    ...(response ? { response } : {}),
    ...(status ? { status } : {}),
    ...(sense ? { sense } : {}),
    ...(senseLen ? { senseLen } : {}),
    ...(residual ? { residual } : {}),
    ...(statusQualifier ? { statusQualifier } : {}),
    ...(eventActual ? { eventActual } : {}),
    ...(configInterrupt ? { configInterrupt } : {}),
    ...(dataIn ? { dataIn } : {}),
    ...(piIn ? { piIn } : {}),
    ...(rawIn ? { in: rawIn } : {}),
    ...(used ? { used: compileUsed(c, used) } : {}),
    ...(event ? { event: compileEvent(c, event) } : {}),
    ...(interrupt ? { interrupt: compileInterrupt(c, interrupt) } : {}),
    ...(after ? { after } : {}),
    ...(before ? { before } : {}),
  };
}

const VERDICTS = ['pass', 'note', 'warn', 'fail'] as const;

function compileHead(c: Compiler, cursor: Cursor): AlternativeHead {
  const when = child(cursor, 'when');
  const verdict = child(cursor, 'verdict');
  const ruling = c.ruling(cursor);
  const because = child(cursor, 'because');
  const covers = child(cursor, 'covers');
  const ids = covers ? elements(covers).map((element) => c.requirementId(element)) : [];
  for (const id of ids) c.covered.add(id);
  const as = child(cursor, 'as');
  if (as) c.capture(String(as.raw));
  return {
    is: String(mapOf(cursor.raw).is ?? ''),
    at: c.locate(cursor.path),
    covers: ids,
    ...(as ? { as: String(as.raw) } : {}),
    ...(when ? { when: c.condition(when) } : {}),
    ...(verdict ? { verdict: c.word<AlternativeVerdict>(verdict, VERDICTS, 'pass') } : {}),
    ...(ruling === undefined ? {} : { ruling }),
    ...(because ? { because: String(because.raw) } : {}),
  };
}

const HEAD_KEYS = new Set(['is', 'as', 'when', 'verdict', 'ruling', 'covers', 'because', 'level']);

/** Alternatives have different names, capture nothing, and none hides a later one by expecting nothing more. */
function checkAlternatives(c: Compiler, alternatives: readonly Cursor[]): void {
  const names = new Set<string>();
  const seen: { name: string; keys: Readonly<Record<string, string>>; when: boolean }[] = [];
  for (const cursor of alternatives) {
    const map = mapOf(cursor.raw);
    const name = String(map.is ?? '');
    if (names.has(name)) c.report(cursor.path, 'expect', `two alternatives are called "${name}"`);
    names.add(name);
    for (const key of ['data_in', 'pi_in', 'in'])
      if (
        /\{\s*as\s/.test(
          JSON.stringify(map[key] ?? '', (_, item) => (typeof item === 'bigint' ? String(item) : item)),
        )
      )
        c.report(
          [...cursor.path, key],
          'expect',
          'nothing can be captured in an alternative: another may be the one seen',
        );
    const keys = Object.fromEntries(
      Object.entries(map)
        .filter(([key]) => !HEAD_KEYS.has(key))
        .map(([key, item]) => [
          key,
          JSON.stringify(item, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)),
        ]),
    );
    // An earlier alternative whose every demand is also made here matches whenever this one would.
    const shadow = seen.find((earlier) => !earlier.when && implied(earlier.keys, keys));
    if (shadow)
      c.report(
        cursor.path,
        'expect',
        `"${name}" can never be the one seen: "${shadow.name}" before it matches whenever it would`,
      );
    seen.push({ name, keys, when: map.when !== undefined });
  }
}

/** Whether everything that `few` demands is demanded by `many` as well, the implied parts among them. */
function implied(few: Readonly<Record<string, string>>, many: Readonly<Record<string, string>>): boolean {
  const relaxing = ['response', 'status', 'sense', 'answer', 'outcome', 'value'];
  for (const key of relaxing) if (few[key] !== many[key]) return false;
  return Object.entries(few).every(([key, item]) => many[key] === item);
}

/** What the answer of a buffer must be: a block, or a list of blocks. */
export function compileResult(
  c: Compiler,
  step: Cursor,
  options: { readonly asserts: boolean },
): ResultExpectation {
  const expect = child(step, 'expect');
  const blocks = (expect ? elements(expect) : []).map((cursor): ResultBlock => {
    const judgement = c.judgement([cursor, step], cursor.path);
    const oneOf = child(cursor, 'one_of');
    const alternatives = oneOf ? elements(oneOf) : [];
    checkAlternatives(c, alternatives);
    return {
      ...compileChecks(c, cursor),
      judgement,
      ...(oneOf
        ? {
            oneOf: alternatives.map(
              (alternative): ResultAlternative => ({
                ...compileChecks(c, alternative),
                ...compileHead(c, alternative),
              }),
            ),
          }
        : {}),
    };
  });
  if (expect && !c.hostile && options.asserts) refuseEmpty(c, elements(expect));
  const judgement = c.judgement([step], step.path, !options.asserts || blocks.length > 0);
  return { explicit: expect !== undefined, blocks, judgement };
}

/** An id on a block that anything satisfies covers nothing, unless a liveness probe follows. */
function refuseEmpty(c: Compiler, blocks: readonly Cursor[]): void {
  for (const cursor of blocks) {
    const map = mapOf(cursor.raw);
    const outcomes = Array.isArray(map.outcome) ? map.outcome : [map.outcome ?? 'returned'];
    const others = Object.keys(map).filter(
      (key) => !['outcome', 'answer', 'level', 'covers', 'because', 'ruling'].includes(key),
    );
    if (map.answer === 'any' && outcomes.length === OUTCOMES.length && others.length === 0)
      c.refuseCovers(cursor, 'this accepts whatever happens');
  }
}

// ---------------------------------------------------------------- reads

function matcher(c: Compiler, cursor: Cursor, location: Location, bytes: boolean): Matcher {
  if (location === UNKNOWN_LOCATION) return { kind: 'value', value: { kind: 'any' } };
  if (bytes) return { kind: 'bytes', pattern: c.pattern(cursor, false) };
  const value = textOf(cursor.raw, c.valueOf);
  if (typeof value === 'string' && /^[{"(]|untouched|written/.test(value))
    return c.guard<Matcher>(cursor, 'expect', { kind: 'value', value: { kind: 'any' } }, () => {
      throw new CaseError('SYNTAX', `${location.text} holds a number, not bytes: expect a value, e.g. 0x0f`);
    });
  return { kind: 'value', value: c.value(cursor, namesOfLocation(location.text)) };
}

const isBlock = (raw: unknown) => {
  const map = mapOf(raw);
  return 'value' in map || 'one_of' in map;
};

/** What a `read` must see: a value, a byte pattern, or blocks with levels of their own. */
export function compileSeen(
  c: Compiler,
  step: Cursor,
  location: Location,
  bytes: boolean,
): SeenExpectation | undefined {
  const expect = child(step, 'expect');
  if (!expect) {
    c.refuseCovers(step, 'this read expects nothing');
    return undefined;
  }
  const parts = Array.isArray(expect.raw) ? elements(expect) : [expect];
  return {
    blocks: parts.map((cursor): SeenBlock => {
      if (!isBlock(cursor.raw)) {
        const judgement = c.judgement([step], cursor.path);
        return { judgement, value: matcher(c, cursor, location, bytes) };
      }
      const judgement = c.judgement([cursor, step], cursor.path);
      const value = child(cursor, 'value');
      const oneOf = child(cursor, 'one_of');
      const alternatives = oneOf ? elements(oneOf) : [];
      checkAlternatives(c, alternatives);
      return {
        judgement,
        ...(value ? { value: matcher(c, value, location, bytes) } : {}),
        ...(oneOf
          ? {
              oneOf: alternatives.map((alternative) => ({
                ...compileHead(c, alternative),
                value: matcher(c, child(alternative, 'value') ?? NO_CURSOR, location, bytes),
              })),
            }
          : {}),
      };
    }),
  };
}
