/** Byte patterns as expectations. */
import type { EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { type EncodingContext, evaluate, evaluateInteger } from './evaluate.js';
import { LayeredMap } from './layered-map.js';
import { LIMITS } from './limits.js';
import {
  countOf,
  encodeValue,
  fixture,
  generate,
  generatedLength,
  patternContext,
  readInteger,
  repeat,
} from './pattern-encode.js';
import type { PatternItem } from './pattern-item.js';
import { ENCODINGS } from './pattern-parser.js';
import type { BytePattern, ReadonlyScope, Scope, ScopeValue } from './types.js';

/** What matching needs besides what evaluation does. */
export interface MatchContext extends EvalContext {
  /** What the buffer held before it was lent to the device, as long as the buffer. */
  readonly poison?: Uint8Array;
}

/** One item that did not match. */
export interface PatternDifference {
  readonly offset: number;
  readonly length: number;
  readonly expected: string;
  readonly got: string;
}

/** Outcome of matching. Captures are made also where later bytes differ. */
export type PatternMatch =
  | {
      readonly ok: true;
      readonly captures: ReadonlyMap<string, ScopeValue>;
      /** So few `untouched` bytes agree that they may have been written, with their poison by chance. */
      readonly undecided?: true;
    }
  | {
      readonly ok: false;
      readonly captures: ReadonlyMap<string, ScopeValue>;
      /** Offset of the first byte at fault; the buffer's length when bytes are missing. */
      readonly firstDifference: number;
      /** The first difference in words. */
      readonly reason: string;
      /** The first few differences, by items. */
      readonly differences: readonly PatternDifference[];
      /** Expected bytes, as long as the actual ones; only where `mask` has bits set. */
      readonly expected: Uint8Array;
      /** Bits that matter. */
      readonly mask: Uint8Array;
      /** 1 for each byte at fault, also where a range or `written` leaves no expected byte to show. */
      readonly differing: Uint8Array;
      /** Only `written` bytes are at fault: they may hold their poison by chance. A run with other poison decides. */
      readonly undecided: boolean;
    };

const MAX_DIFFERENCES = 16;
/** Fewer bytes that are as before may be so by chance: once in 255 requests for one byte. */
const UNTOUCHED_FOR_SURE = 4;

/** Matches `actual` against a pattern. A mistake of the case throws `CaseError`. */
export function matchPattern(
  pattern: BytePattern,
  actual: Uint8Array,
  scope: ReadonlyScope,
  context: MatchContext = {},
): PatternMatch {
  if (pattern.any) return { ok: true, captures: new Map() };
  const { constant } = pattern;
  if (constant && constant.bytes.length === actual.length && constantMatches(constant, actual))
    return { ok: true, captures: new Map() };
  const inner = patternContext(pattern, scope, context);
  const run = (record: boolean) => {
    const names: Scope | ReadonlyScope = pattern.captures.length > 0 ? new LayeredMap(scope) : scope;
    return new Matcher(actual, names, inner, context.poison, record).finish(pattern);
  };
  const quick = run(false);
  // Buffers mostly match; only those that do not are worth a second look that keeps everything for the report.
  return quick.ok ? quick : run(true);
}

function constantMatches(constant: { bytes: Uint8Array; mask: Uint8Array }, actual: Uint8Array): boolean {
  for (let at = 0; at < actual.length; at++)
    if (((actual[at] ?? 0) ^ (constant.bytes[at] ?? 0)) & (constant.mask[at] ?? 0)) return false;
  return true;
}

/** Ends a match early: nothing after this place can be told. */
class Stop extends Error {}

const hex = (bytes: Uint8Array): string => {
  const shown = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > 16 ? `${shown} … (${bytes.length} bytes)` : shown;
};

function renderMasked(bytes: Uint8Array, mask: Uint8Array): string {
  const cells = Array.from(bytes.subarray(0, 16), (byte, index) => {
    const shown = byte.toString(16).padStart(2, '0');
    const bits = mask[index] ?? 0;
    if (bits === 0xff) return shown;
    if (bits === 0xf0) return `${shown[0]}.`;
    if (bits === 0x0f) return `.${shown[1]}`;
    return bits === 0
      ? '..'
      : `b${[7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((bits >> bit) & 1 ? (byte >> bit) & 1 : '.')).join('')}`;
  });
  return `${cells.join(' ')}${bytes.length > 16 ? ' …' : ''}`;
}

class Matcher {
  readonly captures = new Map<string, ScopeValue>();
  readonly #actual: Uint8Array;
  readonly #scope: Scope | ReadonlyScope;
  readonly #context: EncodingContext;
  readonly #poison: Uint8Array | undefined;
  #at = 0;
  #differences: PatternDifference[] = [];
  #first: number | undefined;
  #undecided = true;
  /** How many bytes were found untouched. */
  #untouched = 0;
  readonly #expected: Uint8Array | undefined;
  readonly #mask: Uint8Array | undefined;
  readonly #differing: Uint8Array | undefined;

  constructor(
    actual: Uint8Array,
    scope: Scope | ReadonlyScope,
    context: EncodingContext,
    poison: Uint8Array | undefined,
    record: boolean,
  ) {
    if (record) {
      this.#expected = new Uint8Array(actual.length);
      this.#mask = new Uint8Array(actual.length);
      this.#differing = new Uint8Array(actual.length);
    }
    this.#actual = actual;
    this.#scope = scope;
    this.#context = context;
    this.#poison = poison;
  }

  finish(pattern: BytePattern): PatternMatch {
    try {
      this.#items(pattern.items);
      if (this.#at < this.#actual.length) {
        const extra = this.#actual.subarray(this.#at);
        this.#differ(this.#at, extra.length, `the end after ${this.#at} bytes`, hex(extra));
      }
    } catch (error) {
      // A count made of what the device wrote may be anything: then it is the device's bytes that are at fault.
      if (error instanceof CaseError && this.captures.size > 0)
        this.#differ(this.#at, this.#actual.length - this.#at, 'a length that can be meant', error.message);
      else if (!(error instanceof Stop)) throw error;
    }
    const { captures } = this;
    const [difference] = this.#differences;
    if (this.#first === undefined || difference === undefined) {
      const few = this.#untouched > 0 && this.#untouched < UNTOUCHED_FOR_SURE;
      return { ok: true, captures, ...(few && { undecided: true as const }) };
    }
    const { length } = this.#actual;
    return {
      ok: false,
      captures,
      firstDifference: this.#first,
      reason: `at byte ${difference.offset}: expected ${difference.expected}, got ${difference.got}`,
      differences: this.#differences,
      expected: this.#expected ?? new Uint8Array(length),
      mask: this.#mask ?? new Uint8Array(length),
      differing: this.#differing ?? new Uint8Array(length),
      undecided: this.#undecided,
    };
  }

  #differ(offset: number, length: number, expected: string, got: string, undecided = false): void {
    if (this.#first === undefined || offset < this.#first) this.#first = offset;
    if (!undecided) this.#undecided = false;
    if (this.#differences.length < MAX_DIFFERENCES) this.#differences.push({ offset, length, expected, got });
    this.#differing?.fill(1, offset, offset + length);
  }

  #items(items: readonly PatternItem[]): void {
    for (const item of items) this.#item(item);
  }

  /** How many bytes an item of `length` bytes covers with its count; a length of 0 covers nothing. */
  #span(item: PatternItem, length: number): number {
    const count = countOf(item, this.#scope, this.#context);
    const left = this.#actual.length - this.#at;
    if (count === 'rest') {
      if (length > 0 && left % length !== 0) {
        const over = left % length;
        this.#differ(
          this.#actual.length - over,
          over,
          `whole groups of ${length} bytes to the end`,
          `${over} bytes over`,
        );
        return left - over;
      }
      return left;
    }
    return 'times' in count ? length * count.times : count.bytes;
  }

  /** Ends the match when the buffer is shorter than what is expected. */
  #need(length: number, what: string): void {
    const left = this.#actual.length - this.#at;
    if (length <= left) return;
    this.#differ(
      this.#actual.length,
      0,
      `${length} bytes more from ${this.#at} on (${what})`,
      `the end after ${left}`,
    );
    throw new Stop();
  }

  #item(item: PatternItem): void {
    switch (item.kind) {
      case 'bytes':
        this.#cyclic(item.bytes, item.mask, this.#span(item, item.bytes.length));
        break;
      case 'stamp':
      case 'prng': {
        const wanted = generatedLength(item, this.#scope, this.#context);
        const length = wanted === 'rest' ? this.#actual.length - this.#at : wanted;
        const bytes = generate(item, length, this.#scope, this.#context);
        this.#exact(bytes, item.kind);
        break;
      }
      case 'file':
        this.#repeated(item, fixture(item.name, this.#context), `file(${item.name})`);
        break;
      case 'untouched':
      case 'written':
        this.#poisoned(item.kind, this.#span(item, 1));
        break;
      case 'alternatives':
        this.#alternatives(item);
        break;
      case 'value':
        this.#value(item);
        break;
    }
  }

  /** Compares with bytes repeated over `span`. */
  #cyclic(bytes: Uint8Array, mask: Uint8Array, span: number): void {
    const { length } = bytes;
    this.#compare(bytes, mask, span, (start, end) => {
      const from = start % length;
      const to = Math.min(length, from + end - start);
      return renderMasked(bytes.subarray(from, to), mask.subarray(from, to));
    });
    this.#advance(span, () => renderMasked(bytes, mask));
  }

  #exact(bytes: Uint8Array, what: string): void {
    this.#compare(
      bytes,
      undefined,
      bytes.length,
      (start, end) => `${hex(bytes.subarray(start, end))} (${what})`,
    );
    this.#advance(bytes.length, () => what);
  }

  #repeated(item: PatternItem, once: Uint8Array, what: string): void {
    if (item.count === undefined) this.#exact(once, what);
    else this.#exact(repeat(once, this.#span(item, once.length), item), what);
  }

  #advance(span: number, what: () => string): void {
    if (span > this.#actual.length - this.#at) this.#need(span, what());
    this.#at += span;
  }

  /** Notes each run of differing bytes; `bytes` are repeated over `span`. */
  #compare(
    bytes: Uint8Array,
    mask: Uint8Array | undefined,
    span: number,
    shown: (start: number, end: number) => string,
  ): void {
    const present = Math.min(span, this.#actual.length - this.#at);
    const { length } = bytes;
    let start = -1;
    for (let at = 0, index = 0; at < present; at++, index++) {
      if (index === length) index = 0;
      const bits = mask === undefined ? 0xff : (mask[index] ?? 0);
      const byte = bytes[index] ?? 0;
      if (this.#expected && this.#mask) {
        this.#expected[this.#at + at] = byte;
        this.#mask[this.#at + at] = bits;
      }
      const differs = (((this.#actual[this.#at + at] ?? 0) ^ byte) & bits) !== 0;
      if (differs && start < 0) start = at;
      else if (!differs && start >= 0) {
        this.#run(start, at, shown);
        start = -1;
      }
    }
    if (start >= 0) this.#run(start, present, shown);
  }

  #run(start: number, end: number, shown: (start: number, end: number) => string): void {
    const offset = this.#at + start;
    this.#differ(offset, end - start, shown(start, end), hex(this.#actual.subarray(offset, this.#at + end)));
  }

  #poisoned(kind: 'untouched' | 'written', span: number): void {
    const poison = this.#poison?.subarray(this.#at);
    if (poison === undefined)
      throw new CaseError('NOT_AVAILABLE', `"${kind}" needs a buffer that was filled beforehand`);
    const present = Math.min(span, this.#actual.length - this.#at);
    if (kind === 'untouched') {
      this.#untouched += present;
      this.#compare(
        poison,
        undefined,
        present,
        (start, end) => `${hex(poison.subarray(start, end))} (untouched)`,
      );
    } else
      for (let at = 0; at < present; at++)
        if (this.#actual[this.#at + at] === poison[at])
          this.#differ(
            this.#at + at,
            1,
            'a byte written by the device',
            `${hex(poison.subarray(at, at + 1))}, as before`,
            true,
          );
    this.#advance(span, () => kind);
  }

  #alternatives(item: PatternItem & { kind: 'alternatives' }): void {
    const [first, ...others] = item.alternatives;
    if (first === undefined) return;
    const count = countOf(item, this.#scope, this.#context);
    if (others.length === 0 && 'object' === typeof count && 'times' in count && count.times === 1) {
      this.#items(first);
      return;
    }
    let end: number | undefined;
    if (count !== 'rest' && 'bytes' in count) end = this.#at + count.bytes;
    else if (count === 'rest') end = this.#actual.length;
    const times = typeof count === 'object' && 'times' in count ? count.times : Number.POSITIVE_INFINITY;
    for (let round = 0; round < times && (end === undefined || this.#at < end); round++) {
      const before = this.#at;
      this.#oneOf(item.alternatives);
      if (this.#at === before) break;
    }
    if (end !== undefined && this.#at > end)
      throw new CaseError('LENGTH', 'the repeated part does not fill its blocks evenly', item.column);
  }

  /** Whether an alternative of one plain item matches here; undefined for any other, which takes a trial. */
  #fits([item, ...others]: readonly PatternItem[]): boolean | undefined {
    if (item === undefined || others.length > 0 || item.count !== undefined) return undefined;
    const at = this.#at;
    if (item.kind === 'untouched') return this.#poison && this.#actual[at] === this.#poison[at];
    if (item.kind !== 'bytes') return undefined;
    return item.bytes.every(
      (byte, i) => (((this.#actual[at + i] ?? ~byte) ^ byte) & (item.mask[i] ?? 0)) === 0,
    );
  }

  #oneOf(alternatives: readonly (readonly PatternItem[])[]): void {
    const start = this.#at;
    // Trials cost so much that long repetitions of plain bytes do without.
    const fitting = alternatives.map((items) => this.#fits(items));
    const plain = fitting.includes(undefined) ? undefined : alternatives[fitting.indexOf(true)];
    if (plain !== undefined) {
      this.#items(plain);
      return;
    }
    for (const items of alternatives) {
      const trial = new Matcher(this.#actual, this.#scope, this.#context, this.#poison, false);
      trial.#at = start;
      try {
        trial.#items(items);
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
      }
      if (trial.#first === undefined) {
        this.#items(items);
        return;
      }
    }
    // None: the first stands for all in what is shown, the message names how many there are.
    const known = this.#differences.length;
    try {
      this.#items(alternatives[0] ?? []);
    } finally {
      const difference = this.#differences[known];
      if (difference && alternatives.length > 1)
        this.#differences[known] = {
          ...difference,
          expected: `${difference.expected} or another of ${alternatives.length} alternatives`,
        };
    }
  }

  #value(item: PatternItem & { kind: 'value' }): void {
    if (item.value.kind === 'equals') {
      const { expression } = item.value;
      const value = evaluate(expression, this.#scope, this.#context);
      const bytes = encodeValue(item, value, this.#scope, this.#context);
      const what = expression.constant === undefined ? `${expression.text}:${item.encoding}` : item.encoding;
      this.#repeated(item, bytes, typeof value === 'bigint' ? `${value}, ${what}` : what);
      return;
    }
    const listed =
      item.list === undefined ? undefined : evaluateInteger(item.list, this.#scope, this.#context);
    if (listed !== undefined && (listed < 0n || listed > BigInt(LIMITS.bufferBytes))) {
      this.#differ(
        this.#at,
        0,
        `${listed} elements`,
        `the end after ${this.#actual.length - this.#at} bytes`,
      );
      throw new Stop();
    }
    if (item.value.kind === 'capture') {
      this.#capture(item, item.value.name, listed);
      return;
    }
    if (item.encoding === 'bytes') throw new CaseError('KIND_MISMATCH', 'a range is of numbers', item.column);
    const { encoding } = item;
    const { size } = ENCODINGS[encoding];
    const { from, to } = item.value;
    const low = from && evaluateInteger(from, this.#scope, this.#context);
    const high = to && evaluateInteger(to, this.#scope, this.#context);
    const shown = `${low ?? ''}..${high ?? ''} (${encoding})`;
    const span = this.#span(item, size * Number(listed ?? 1n));
    this.#need(span, shown);
    for (const end = this.#at + span; this.#at < end; this.#at += size) {
      const value = readInteger(this.#actual, this.#at, encoding, this.#context);
      if ((low !== undefined && value < low) || (high !== undefined && value > high))
        this.#differ(
          this.#at,
          size,
          shown,
          `${value} (${hex(this.#actual.subarray(this.#at, this.#at + size))})`,
        );
    }
  }

  #capture(item: PatternItem & { kind: 'value' }, name: string, listed: bigint | undefined): void {
    const { encoding } = item;
    let value: ScopeValue;
    if (encoding === 'bytes') {
      const length = listed === undefined ? this.#actual.length - this.#at : Number(listed);
      this.#need(length, `{as ${name}:bytes}`);
      value = this.#actual.slice(this.#at, this.#at + length);
      this.#at += length;
    } else {
      const { size } = ENCODINGS[encoding];
      const length = Number(listed ?? 1n);
      this.#need(length * size, `{as ${name}:${encoding}}`);
      if (length > LIMITS.listLength)
        throw new CaseError(
          'LIMIT',
          `a list has at most ${LIMITS.listLength} elements, "${name}" would have ${length}`,
        );
      const values = Array.from({ length }, (_, index) =>
        readInteger(this.#actual, this.#at + index * size, encoding, this.#context),
      );
      this.#at += length * size;
      const [single] = values;
      value = listed === undefined && single !== undefined ? single : values;
    }
    this.captures.set(name, value);
    if (this.#scope instanceof LayeredMap) this.#scope.set(name, value);
  }
}
