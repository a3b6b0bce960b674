/**
 * Judging what came back against what a case expects. Pure functions: the executor observes, these say what differs,
 * which alternative was seen and what was captured.
 */
import { formatSense, parseSense } from '../wire/scsi/sense.js';
import { ControlResponse, Response } from '../wire/virtio-scsi.js';
import { type MatchContext, matchPattern, type PatternMatch } from './byte-pattern.js';
import type { EvalContext } from './context.js';
import { evaluate, evaluateCondition, evaluateInteger, kindName } from './evaluate.js';
import { LayeredMap } from './layered-map.js';
import { encodingContext, resolveLun } from './resolve.js';
import type {
  AlternativeHead,
  AlternativeVerdict,
  BytePattern,
  CheckStep,
  EventChecks,
  Expression,
  Judgement,
  Level,
  Matcher,
  Outcome,
  Position,
  ReadonlyScope,
  ResultBlock,
  ResultChecks,
  ResultExpectation,
  ScopeValue,
  SeenExpectation,
  SensePattern,
  Value,
} from './types.js';
import { EVENT_REASONS, EVENTS, type NamedValues, STATUSES } from './vocabulary.js';

/** What a step expected and did not see. */
export interface Mismatch {
  /** The part at fault, e.g. `response`, `sense`, `data_in`, `interrupt`, `value`, `one_of`. */
  readonly check: string;
  readonly expected: string;
  readonly got: string;
  readonly level: Level;
  readonly covers: readonly string[];
  readonly ruling?: string;
  readonly because?: string;
  /** Set where an alternative was seen that counts as this verdict. */
  readonly verdict?: AlternativeVerdict;
  readonly at: Position;
  /** Of byte patterns: the bytes, the bits that matter, and the bytes at fault. */
  readonly bytes?: {
    readonly expected: Uint8Array;
    readonly got: Uint8Array;
    readonly mask: Uint8Array;
    readonly differing: Uint8Array;
    readonly firstDifference: number;
  };
  /** The bytes hold their poison, perhaps by chance: a run with other poison decides. */
  readonly undecided?: true;
}

/** An alternative that was seen. */
export interface SeenAlternative {
  readonly is: string;
  readonly verdict?: AlternativeVerdict;
  readonly ruling?: string;
  readonly covers: readonly string[];
  readonly level: Level;
  readonly at: Position;
  /** Bytes that count as untouched may hold their poison by chance: a run with other poison decides. */
  readonly undecided?: true;
}

/** Outcome of judging one step. */
export interface Judged {
  /** What differs; empty when everything is as expected. */
  readonly mismatches: readonly Mismatch[];
  /** Alternatives seen, also those that pass. The executor turns their `verdict` or `ruling` into a finding. */
  readonly alternatives: readonly SeenAlternative[];
  readonly captures: ReadonlyMap<string, ScopeValue>;
  /** Ids whose expectations held. */
  readonly confirmed: readonly string[];
}

/** What was observed of one buffer. Parts that do not apply are left out. */
export interface Observed {
  readonly outcome: Outcome;
  /** `request` and `control` differ in the names of response codes. */
  readonly queue: 'request' | 'control' | 'event' | 'other';
  /** Undefined where the response was not written, or the buffer is no request. */
  readonly response?: number | undefined;
  readonly status?: number | undefined;
  readonly sense?: Uint8Array | undefined;
  readonly senseLen?: number | undefined;
  readonly residual?: number | undefined;
  readonly statusQualifier?: number | undefined;
  readonly dataIn?: Uint8Array | undefined;
  readonly dataInPoison?: Uint8Array | undefined;
  readonly piIn?: Uint8Array | undefined;
  readonly piInPoison?: Uint8Array | undefined;
  /** Each writable descriptor. */
  readonly writable?: readonly { readonly bytes: Uint8Array; readonly poison: Uint8Array }[] | undefined;
  readonly used?:
    | {
        readonly len?: number | undefined;
        /** The length says nothing on this interface, and no expectation of it can be broken. */
        readonly lenUnreliable?: boolean | undefined;
        readonly slot?: number | undefined;
        readonly id?: number | undefined;
        readonly writeFlag?: number | undefined;
        /** Used entries of the whole wait. */
        readonly entries?: number | undefined;
      }
    | undefined;
  readonly eventActual?: number | undefined;
  readonly event?: { readonly event: number; readonly lun: Uint8Array; readonly reason: number } | undefined;
  readonly interrupts?:
    | {
        /** Of the queue in question. */
        readonly count: number;
        /** By vector, where the interrupts are messages. */
        readonly byVector?: ReadonlyMap<number, number> | undefined;
        /** False: `count` only says that there was one or none. */
        readonly exact: boolean;
      }
    | undefined;
  readonly configInterrupts?: number | undefined;
  /** Names returned when this one was seen, itself left out. */
  readonly returnedBefore?: ReadonlySet<string> | undefined;
  /** Those of them that were not first seen together with this one, on another queue. */
  readonly surelyReturnedBefore?: ReadonlySet<string> | undefined;
}

/** The interrupt checks need watching for a time; the executor asks before it waits. */
export function watchesInterrupts(expectation: ResultExpectation): boolean {
  return expectation.blocks.some((block) =>
    [block, ...(block.oneOf ?? [])].some(
      (checks) => checks.interrupt !== undefined || checks.configInterrupt !== undefined,
    ),
  );
}

// ---------------------------------------------------------------- values

interface ValueMismatch {
  readonly expected: string;
  readonly got: string;
}

const nameOf = (value: bigint, names: NamedValues): string => {
  const name = Object.entries(names).find(([, code]) => BigInt(code) === value)?.[0];
  return name === undefined
    ? value > 9n
      ? `${value} (0x${value.toString(16)})`
      : `${value}`
    : `${value} ${name}`;
};

/** Compares a number; undefined when it is as expected. */
export function compareValue(
  value: Value,
  actual: bigint,
  scope: ReadonlyScope,
  context: EvalContext,
  names: NamedValues = {},
): ValueMismatch | undefined {
  const compute = (expression: Expression) => evaluateInteger(expression, scope, context);
  switch (value.kind) {
    case 'any':
      return undefined;
    case 'equals': {
      const expected = compute(value.value);
      if (actual === expected) return undefined;
      const written = value.value.constant === undefined ? ` (${value.value.text})` : '';
      return { expected: `${nameOf(expected, names)}${written}`, got: nameOf(actual, names) };
    }
    case 'range': {
      const from = value.from && compute(value.from);
      const to = value.to && compute(value.to);
      return (from === undefined || actual >= from) && (to === undefined || actual <= to)
        ? undefined
        : { expected: `${from ?? ''}..${to ?? ''}`, got: nameOf(actual, names) };
    }
    case 'mask': {
      const [mask, equals] = [compute(value.mask), compute(value.equals)];
      return (actual & mask) === equals
        ? undefined
        : {
            expected: `0x${equals.toString(16)} under mask 0x${mask.toString(16)}`,
            got: `0x${actual.toString(16)}`,
          };
    }
  }
}

// ---------------------------------------------------------------- results

type Part = Omit<Mismatch, 'level' | 'covers' | 'ruling' | 'because' | 'verdict' | 'at'>;

/** Compares the parts of one block or alternative. */
class ResultMatcher {
  readonly parts: Part[] = [];
  readonly captures = new Map<string, ScopeValue>();
  /** What matches may do so by chance. */
  undecided = false;
  readonly #observed: Observed;
  readonly #context: EvalContext;
  /** Copied when something is captured: most answers are judged without. */
  #scope: ReadonlyScope;

  constructor(observed: Observed, scope: ReadonlyScope, context: EvalContext) {
    this.#observed = observed;
    this.#scope = scope;
    this.#context = context;
  }

  differ(check: string, expected: string, got: string): void {
    this.parts.push({ check, expected, got });
  }

  #number(
    check: string,
    wanted: readonly Value[] | Value | undefined,
    actual: number | undefined,
    names: NamedValues = {},
  ): void {
    if (wanted === undefined) return;
    const values: readonly Value[] = Array.isArray(wanted) ? (wanted as readonly Value[]) : [wanted as Value];
    if (values.some(({ kind }) => kind === 'any')) return;
    if (actual === undefined) {
      this.differ(check, values.map((value) => this.#shown(value, names)).join(' or '), 'nothing');
      return;
    }
    const failures = values.map((value) =>
      compareValue(value, BigInt(actual), this.#scope, this.#context, names),
    );
    const [first] = failures;
    if (first === undefined || failures.some((failure) => failure === undefined)) return;
    this.differ(check, failures.map((failure) => failure?.expected ?? '').join(' or '), first.got);
  }

  #shown(value: Value, names: NamedValues): string {
    // Comparing with a value that cannot be gives the wording of the expectation.
    const impossible = -1n - (1n << 80n);
    return compareValue(value, impossible, this.#scope, this.#context, names)?.expected ?? 'any value';
  }

  #bytes(
    check: string,
    pattern: BytePattern | undefined,
    actual: Uint8Array | undefined,
    poison: Uint8Array | undefined,
  ): void {
    if (pattern === undefined) return;
    if (actual === undefined) {
      if (!pattern.any) this.differ(check, pattern.text, 'no buffer');
      return;
    }
    const context: MatchContext = poison === undefined ? this.#context : { ...this.#context, poison };
    const match = matchPattern(pattern, actual, this.#scope, context);
    if (match.ok && match.undecided) this.undecided = true;
    if (match.captures.size > 0) this.#scope = extended(this.#scope, match.captures);
    for (const [name, value] of match.captures) this.captures.set(name, value);
    if (!match.ok) this.parts.push(bytesPart(check, pattern, actual, match));
  }

  outcome(wanted: readonly Outcome[]): boolean {
    const { outcome } = this.#observed;
    if (wanted.includes(outcome)) return outcome === 'returned';
    this.differ('outcome', wanted.join(' or '), outcome);
    return false;
  }

  /** Everything but the outcome; only for a buffer that came back. */
  answer(checks: ResultChecks, implied: ImpliedParts): void {
    const { queue } = this.#observed;
    const observed = this.#observed;
    // Patterns first: what they capture may be used by the numbers beside them.
    this.#bytes('data_in', checks.dataIn, observed.dataIn, observed.dataInPoison);
    this.#bytes('pi_in', checks.piIn, observed.piIn, observed.piInPoison);
    for (const [index, pattern] of (checks.in ?? []).entries()) {
      const writable = observed.writable?.[index];
      this.#bytes(`in[${index}]`, pattern, writable?.bytes, writable?.poison);
    }
    if (checks.in && observed.writable && observed.writable.length !== checks.in.length)
      this.differ('in', `${checks.in.length} writable descriptors`, `${observed.writable.length}`);
    const responseNames = queue === 'control' ? CONTROL_FIRST : REQUEST_FIRST;
    if (checks.response) this.#number('response', checks.response, observed.response, responseNames);
    else if (implied.response) this.#number('response', ZERO, observed.response, responseNames);
    if (checks.status) this.#number('status', checks.status, observed.status, STATUSES);
    else if (implied.status !== undefined)
      this.#number('status', implied.status === 0 ? ZERO : TWO, observed.status, STATUSES);
    if (checks.sense) this.#sense(checks.sense);
    this.#number('sense_len', checks.senseLen, observed.senseLen);
    this.#number('residual', checks.residual, observed.residual);
    this.#number('status_qualifier', checks.statusQualifier, observed.statusQualifier);
    this.#number('event_actual', checks.eventActual, observed.eventActual);
    this.#used(checks);
    if (checks.event) this.#event(checks.event);
    this.#order(checks);
  }

  /** Interrupts are looked at whatever became of the buffer. */
  interrupts(checks: ResultChecks): void {
    this.#number('config_interrupt', checks.configInterrupt, this.#observed.configInterrupts);
    const wanted = checks.interrupt;
    if (wanted === undefined) return;
    const seen = this.#observed.interrupts;
    if (seen === undefined) {
      this.differ('interrupt', 'a port that tells interrupts', 'none');
      return;
    }
    if (wanted.vector === undefined) {
      this.#interruptCount(wanted.count, seen.count, seen.exact, 'interrupt');
      return;
    }
    const vector = evaluateInteger(wanted.vector, this.#scope, this.#context);
    const byVector = seen.byVector ?? new Map<number, number>();
    this.#interruptCount(
      wanted.count,
      byVector.get(Number(vector)) ?? 0,
      seen.exact,
      `interrupt of vector ${vector}`,
    );
    for (const [other, count] of byVector)
      if (BigInt(other) !== vector && count > 0)
        this.differ('interrupt', `none of vector ${other}`, String(count));
  }

  /** A port that cannot count tells one interrupt from none, and nothing more. */
  #interruptCount(wanted: Value, count: number, exact: boolean, check: string): void {
    if (exact || count === 0) {
      this.#number(check, wanted, count);
      return;
    }
    for (let possible = 1n; possible <= 64n; possible++)
      if (compareValue(wanted, possible, this.#scope, this.#context) === undefined) return;
    this.differ(check, this.#shown(wanted, {}), 'at least 1');
  }

  #used(checks: ResultChecks): void {
    const { used } = checks;
    if (!used) return;
    const seen = this.#observed.used;
    if (!seen?.lenUnreliable) this.#number('used.len', used.len, seen?.len);
    this.#number('used.slot', used.slot, seen?.slot);
    this.#number('used.id', used.id, seen?.id);
    this.#number('used.entries', used.entries, seen?.entries);
    this.#number('used.write_flag', used.writeFlag, seen?.writeFlag);
  }

  #sense(wanted: readonly SensePattern[]): void {
    const { sense, senseLen } = this.#observed;
    const present = sense !== undefined && (senseLen === undefined || senseLen > 0);
    const data = present ? sense.subarray(0, senseLen ?? sense.length) : undefined;
    const parsed = data && parseSense(data);
    const matches = (pattern: SensePattern) => {
      if (pattern.kind === 'none') return !present;
      if (!parsed?.ok || parsed.key !== pattern.key) return false;
      return (
        (pattern.asc === undefined || parsed.asc === pattern.asc) &&
        (pattern.ascq === undefined || parsed.ascq === pattern.ascq)
      );
    };
    if (wanted.some(matches)) return;
    const got =
      parsed === undefined
        ? 'no sense'
        : parsed.ok
          ? formatSense(parsed)
          : `malformed sense: ${parsed.reason}`;
    this.differ('sense', wanted.map(showSense).join(' or '), got);
  }

  #event(wanted: EventChecks): void {
    const { event } = this.#observed;
    if (event === undefined) {
      this.differ('event', 'an event', 'none');
      return;
    }
    const missed = event.event >>> 31;
    const kind = event.event & 0x7fff_ffff;
    this.#number('event.event', wanted.event, kind, EVENTS);
    this.#number('event.missed', wanted.missed, missed);
    // RESET reasons and sense codes share the field, so a number is shown as it is.
    this.#number(
      'event.reason',
      wanted.reason,
      event.reason,
      kind === EVENTS.TRANSPORT_RESET ? EVENT_REASONS : {},
    );
    if (wanted.lun === undefined || wanted.lun === 'any') return;
    const lun = resolveLun(wanted.lun, this.#scope, this.#context);
    // The standard leaves open which single-level form an event uses; both name the same unit.
    const same = lun.every((byte, index) => byte === event.lun[index]);
    const flat = lun[2] ?? 0;
    const peripheral = (flat & 0xc0) === 0x40 && (flat & 0x3f) === 0 && event.lun[2] === 0;
    const alike = peripheral && lun.every((byte, index) => index === 2 || byte === event.lun[index]);
    if (!same && !alike) this.differ('event.lun', hexOf(lun), hexOf(event.lun));
  }

  #order(checks: ResultChecks): void {
    for (const name of checks.after ?? [])
      if (!this.#observed.returnedBefore?.has(name))
        this.differ('after', `${name} returned before this`, `${name} not yet returned`);
    for (const name of checks.before ?? [])
      if (this.#observed.surelyReturnedBefore?.has(name))
        this.differ('before', `${name} returned after this`, `${name} returned already`);
  }
}

// Several codes have two names; the first is shown.
const REQUEST_FIRST: NamedValues = { ...Response, ...ControlResponse };
const CONTROL_FIRST: NamedValues = { ...ControlResponse, ...Response };
const literal = (value: bigint): Value => ({
  kind: 'equals',
  value: { text: String(value), node: { type: 'number', value }, constant: value },
});
const ZERO = literal(0n);
const TWO = literal(2n);

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

function showSense(pattern: SensePattern): string {
  if (pattern.kind === 'none') return 'no sense';
  const code = (value: number | undefined) =>
    value === undefined ? '..' : value.toString(16).padStart(2, '0');
  return `${pattern.key.toString(16)}/${code(pattern.asc)}/${code(pattern.ascq)}`;
}

function bytesPart(
  check: string,
  pattern: BytePattern,
  got: Uint8Array,
  match: Extract<PatternMatch, { ok: false }>,
): Part {
  const [first] = match.differences;
  const { expected, mask, differing, firstDifference } = match;
  return {
    check,
    expected: `${pattern.text} (at byte ${firstDifference}: ${first?.expected ?? ''})`,
    got: first?.got ?? '',
    bytes: { expected, got, mask, differing, firstDifference },
    ...(match.undecided ? { undecided: true as const } : {}),
  };
}

/** What holds without being said. */
interface ImpliedParts {
  readonly response: boolean;
  /** Expected status: GOOD, CHECK CONDITION, or not looked at. */
  readonly status: number | undefined;
}

const NOTHING_IMPLIED: ImpliedParts = { response: false, status: undefined };

/**
 * The implied success, less what is contradicted by anything said about the answer: a `sense` implies CHECK
 * CONDITION, and with a response other than OK the status is not looked at.
 */
function impliedBy(checks: readonly ResultChecks[], observed: Observed): ImpliedParts {
  if (checks.some(({ answerAny }) => answerAny)) return NOTHING_IMPLIED;
  if (checks.some(({ event, in: raw }) => event !== undefined || raw !== undefined)) return NOTHING_IMPLIED;
  if (observed.queue === 'event' || observed.queue === 'other') return NOTHING_IMPLIED;
  const named = checks.find(({ response }) => response !== undefined)?.response;
  const response = named === undefined;
  if (observed.queue === 'control') return { response, status: undefined };
  if (checks.some(({ status }) => status !== undefined)) return { response, status: undefined };
  const sense = checks.find((part) => part.sense !== undefined)?.sense;
  const mayFail = sense?.some(({ kind }) => kind === 'triple') ?? false;
  const mayPass = sense?.some(({ kind }) => kind === 'none') ?? true;
  // Where both are fine, sense data decide which status goes with them.
  const status = mayFail && (!mayPass || (observed.senseLen ?? 0) > 0) ? 2 : 0;
  // `response: [OK, ABORTED]` with OK seen still means a good status.
  return { response, status: response || observed.response === 0 ? status : undefined };
}

function extended(scope: ReadonlyScope, more: ReadonlyMap<string, ScopeValue>): ReadonlyScope {
  return more.size === 0 ? scope : new LayeredMap(scope, more);
}

const RETURNED: readonly Outcome[] = ['returned'];

/**
 * What is implied counts as the step's. Where only the blocks name requirements it is a part of what they check, and
 * only recommended where they check nothing but recommendations. A permission says nothing of how a command ends.
 */
function stepJudgement({ judgement: own, blocks }: ResultExpectation): Judgement {
  if (own.covers.length > 0 || blocks.length === 0) return own;
  const levels = new Set(blocks.map(({ judgement }) => judgement.level));
  return {
    ...own,
    level: own.level === 'MUST' && levels.has('SHOULD') && !levels.has('MUST') ? 'SHOULD' : own.level,
    covers: [...new Set(blocks.flatMap(({ judgement }) => judgement.covers))],
  };
}

/** Judges an answer. `scope` is not changed; captures are returned. */
export function matchResult(
  expectation: ResultExpectation,
  observed: Observed,
  scope: ReadonlyScope,
  context: EvalContext = {},
): Judged {
  let working = scope;
  const mismatches: Mismatch[] = [];
  const alternatives: SeenAlternative[] = [];
  const captures = new Map<string, ScopeValue>();
  const confirmed: string[] = [];
  const { blocks } = expectation;
  const add = (parts: readonly Part[], judgement: Judgement) =>
    mismatches.push(...parts.map((part) => ({ ...part, ...judged(judgement) })));
  const step = stepJudgement(expectation);
  const outcomeOwner = blocks.find(({ outcome }) => outcome !== undefined);
  const outcome = outcomeOwner?.outcome ?? RETURNED;
  const hasAlternatives = blocks.some(({ oneOf }) => oneOf !== undefined);
  let came = observed.outcome === 'returned';
  if (!hasAlternatives) {
    // Alternatives may allow other outcomes, so with them the outcome is a part of each.
    const matcher = new ResultMatcher(observed, working, context);
    came = matcher.outcome(outcome);
    add(matcher.parts, outcomeOwner?.judgement ?? step);
  }
  for (const block of blocks) {
    const matcher = new ResultMatcher(observed, working, context);
    if (came) matcher.answer(block, NOTHING_IMPLIED);
    matcher.interrupts(block);
    for (const [name, value] of matcher.captures) captures.set(name, value);
    if (matcher.captures.size > 0) working = extended(working, matcher.captures);
    const parts = [...matcher.parts];
    let ids = block.judgement.covers;
    if (block.oneOf) {
      const found = judgeAlternatives(block, block.oneOf, blocks, outcome, observed, working, context);
      nameSeen(block.oneOf, 'is' in found ? found.is : undefined, captures);
      if ('is' in found) {
        alternatives.push(found);
        ids = [...new Set([...ids, ...found.covers])];
      } else parts.push(found);
    }
    add(parts, block.judgement);
    if (parts.length === 0 && mismatches.length === 0) confirmed.push(...ids);
  }
  if (!hasAlternatives && came) {
    const matcher = new ResultMatcher(observed, working, context);
    matcher.answer({}, impliedBy(blocks, observed));
    add(matcher.parts, step);
    if (blocks.length === 0 && matcher.parts.length === 0) confirmed.push(...expectation.judgement.covers);
  }
  return { mismatches, alternatives, captures, confirmed };
}

function judged({
  level,
  covers,
  ruling,
  because,
  at,
}: Judgement): Omit<Mismatch, 'check' | 'expected' | 'got'> {
  return {
    level,
    covers,
    at,
    ...(ruling === undefined ? {} : { ruling }),
    ...(because === undefined ? {} : { because }),
  };
}

/** The first alternative that matches, together with what is implied; or what was wrong with each. */
function judgeAlternatives(
  block: ResultBlock,
  oneOf: NonNullable<ResultBlock['oneOf']>,
  blocks: readonly ResultBlock[],
  outcome: readonly Outcome[],
  observed: Observed,
  scope: ReadonlyScope,
  context: EvalContext,
): SeenAlternative | Part {
  const open = oneOf.filter(({ when }) => when === undefined || evaluateCondition(when, scope, context));
  const tried = open.map((alternative) => {
    const matcher = new ResultMatcher(observed, scope, context);
    const came = matcher.outcome(alternative.outcome ?? outcome);
    // The alternative's own words come first: they contradict what a block beside them implies.
    if (came) matcher.answer(alternative, impliedBy([alternative, ...blocks], observed));
    matcher.interrupts(alternative);
    return { alternative, matcher };
  });
  const seen = tried.find(({ matcher }) => matcher.parts.length === 0);
  if (seen === undefined) return noAlternative(tried);
  const found = seenAlternative(seen.alternative, block.judgement);
  return seen.matcher.undecided ? { ...found, undecided: true } : found;
}

/** Binds the names of alternatives to whether each is the one that was seen. */
function nameSeen(
  oneOf: readonly AlternativeHead[],
  seen: string | undefined,
  captures: Map<string, ScopeValue>,
): void {
  for (const { is, as } of oneOf) if (as !== undefined) captures.set(as, is === seen);
}

function seenAlternative(head: AlternativeHead, judgement: Judgement): SeenAlternative {
  const ruling = head.ruling ?? (head.verdict === undefined ? judgement.ruling : undefined);
  return {
    is: head.is,
    covers: head.covers.length > 0 ? head.covers : judgement.covers,
    level: judgement.level,
    at: head.at,
    ...(head.verdict === undefined ? {} : { verdict: head.verdict }),
    ...(ruling === undefined ? {} : { ruling }),
  };
}

/** Says of each alternative how it differed. No alternative left after `when` is a mistake of the case. */
function noAlternative(
  tried: readonly { alternative: AlternativeHead; matcher: { parts: readonly Part[] } }[],
): Part {
  if (tried.length === 0)
    return {
      check: 'one_of',
      expected: 'an alternative whose condition holds',
      got: 'none: the case is at fault',
    };
  const bytes = tried.length === 1 ? tried[0]?.matcher.parts.find((part) => part.bytes)?.bytes : undefined;
  return {
    check: 'one_of',
    expected: tried.map(({ alternative }) => alternative.is).join(' | '),
    got: tried
      .map(({ alternative, matcher }) => {
        const [first] = matcher.parts;
        return `not "${alternative.is}": ${first?.check ?? ''} expected ${first?.expected ?? ''}, got ${first?.got ?? ''}`;
      })
      .join('; '),
    ...(bytes ? { bytes } : {}),
    ...(tried.some(({ matcher }) => matcher.parts.every((part) => part.undecided))
      ? { undecided: true as const }
      : {}),
  };
}

// ---------------------------------------------------------------- reads and checks

/** Judges what a `read` saw: a number, or a byte string. */
export function matchSeen(
  expectation: SeenExpectation,
  seen: bigint | Uint8Array,
  scope: ReadonlyScope,
  context: MatchContext = {},
): Judged {
  let working = scope;
  const mismatches: Mismatch[] = [];
  const alternatives: SeenAlternative[] = [];
  const captures = new Map<string, ScopeValue>();
  const confirmed: string[] = [];
  for (const block of expectation.blocks) {
    const parts: Part[] = [];
    if (block.value) {
      const part = compareSeen(block.value, seen, working, context, captures);
      if (captures.size > 0) working = extended(scope, captures);
      if (part) parts.push(part);
    }
    if (block.oneOf) {
      const names = working;
      const open = block.oneOf.filter(
        ({ when }) => when === undefined || evaluateCondition(when, names, context),
      );
      const tried = open.map((alternative) => {
        const part = compareSeen(alternative.value, seen, names, context, new Map());
        return { alternative, matcher: { parts: part ? [part] : [] } };
      });
      const found = tried.find(({ matcher }) => matcher.parts.length === 0);
      nameSeen(block.oneOf, found?.alternative.is, captures);
      if (found) alternatives.push(seenAlternative(found.alternative, block.judgement));
      else parts.push(noAlternative(tried));
    }
    mismatches.push(...parts.map((part) => ({ ...part, ...judged(block.judgement) })));
    if (parts.length === 0) confirmed.push(...block.judgement.covers);
  }
  return { mismatches, alternatives, captures, confirmed };
}

function compareSeen(
  matcher: Matcher,
  seen: bigint | Uint8Array,
  scope: ReadonlyScope,
  context: MatchContext,
  captures: Map<string, ScopeValue>,
): Part | undefined {
  if (matcher.kind === 'bytes') {
    if (typeof seen === 'bigint') return { check: 'value', expected: 'bytes', got: kindName(seen) };
    const match = matchPattern(matcher.pattern, seen, scope, context);
    for (const [name, value] of match.captures) captures.set(name, value);
    return match.ok ? undefined : bytesPart('value', matcher.pattern, seen, match);
  }
  if (typeof seen !== 'bigint') return { check: 'value', expected: 'a number', got: kindName(seen) };
  const mismatch = compareValue(matcher.value, seen, scope, context);
  return mismatch && { check: 'value', ...mismatch };
}

/** Judges a `check`. The values of the names it uses are told, so that a failure explains itself. */
export function matchCheck(step: CheckStep, scope: ReadonlyScope, context: EvalContext = {}): Judged {
  const holds = evaluateCondition(step.condition, scope, encodingContext(context));
  const { judgement } = step;
  if (holds) return { mismatches: [], alternatives: [], captures: new Map(), confirmed: judgement.covers };
  const mismatch: Mismatch = {
    check: 'check',
    expected: step.condition.text,
    got: explainCondition(step.condition, scope, context),
    ...judged(judgement),
  };
  return { mismatches: [mismatch], alternatives: [], captures: new Map(), confirmed: [] };
}

/** What made a condition false: of `&&` the first side that is, of `||` both, of a comparison its values. */
function explainCondition(condition: Expression, scope: ReadonlyScope, context: EvalContext): string {
  const { node } = condition;
  if (node.type !== 'binary') return 'false';
  const part = (of: typeof node.left): Expression => ({ text: '', node: of });
  const { left, operator, right } = node;
  if (operator === '&&') {
    const first = evaluateCondition(part(left), scope, encodingContext(context)) ? right : left;
    return explainCondition(part(first), scope, context);
  }
  if (operator === '||')
    return [left, right].map((side) => explainCondition(part(side), scope, context)).join(', ');
  const shown = (side: typeof left) => {
    try {
      const value = evaluate(part(side), scope, context);
      return typeof value === 'bigint' ? String(value) : kindName(value);
    } catch {
      return '?';
    }
  };
  return `${shown(left)} ${operator} ${shown(right)} is false`;
}
