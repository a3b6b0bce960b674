/** Parser of byte patterns. Produces `PatternItem`s; `pattern-encode.ts` and `pattern-match.ts` give them meaning. */
import { CaseError } from './errors.js';
import { constant, parseExpression, splitRange } from './expression.js';
import { LIMITS } from './limits.js';
import type { Encoding, IntegerEncoding, PatternCount, PatternItem } from './pattern-item.js';
import { didYouMean } from './suggest.js';
import type { BytePattern, Expression, ScopeValue } from './types.js';

/** Size in bytes and order of the integer encodings; `guest` is decided when the bytes are made. */
export const ENCODINGS: Readonly<
  Record<IntegerEncoding, { size: number; order: 'little' | 'big' | 'guest' }>
> = {
  u8: { size: 1, order: 'little' },
  le16: { size: 2, order: 'little' },
  le32: { size: 4, order: 'little' },
  le64: { size: 8, order: 'little' },
  be16: { size: 2, order: 'big' },
  be24: { size: 3, order: 'big' },
  be32: { size: 4, order: 'big' },
  be64: { size: 8, order: 'big' },
  g16: { size: 2, order: 'guest' },
  g32: { size: 4, order: 'guest' },
  g64: { size: 8, order: 'guest' },
};
const ENCODING_NAMES = [...Object.keys(ENCODINGS), 'bytes'];

/** How a pattern is going to be used. */
export interface PatternOptions {
  /** The bytes are sent: wildcards, alternatives, captures, `untouched` and `written` are refused. */
  readonly output?: boolean;
  /** Texts that names stand for when the file is compiled; `{name:bytes}` is then read as a pattern itself. */
  readonly texts?: (name: string) => ScopeValue | undefined;
  /** Role whose blocks counts with `b` mean. */
  readonly unit?: string | undefined;
}

const cache = new Map<string, BytePattern>();

/** Parses a byte pattern; throws `CaseError` with the column of the mistake, never anything else. */
export function compilePattern(text: string, options: PatternOptions = {}): BytePattern {
  const key = `${options.output ? 'out' : 'in'} ${options.unit ?? ''} ${text}`;
  const known = cache.get(key);
  if (known) return known;
  if (text.length > LIMITS.patternLength)
    throw new CaseError(
      'LIMIT',
      `a byte pattern has at most ${LIMITS.patternLength} characters, this one ${text.length}`,
    );
  const parser = new Parser(text, options, 0);
  const pattern = parser.parse();
  // A pattern that took in texts of names depends on more than its own text.
  if (!parser.usedTexts) {
    if (cache.size > 20_000) cache.clear();
    cache.set(key, pattern);
  }
  return pattern;
}

/** A pattern that holds just the bytes that an expression gives. */
export function expressionPattern(expression: Expression, unit?: string): BytePattern {
  const item: PatternItem = {
    column: 1,
    kind: 'value',
    value: { kind: 'equals', expression },
    encoding: 'bytes',
  };
  return {
    text: `=${expression.text}`,
    items: [item],
    captures: [],
    ...(unit === undefined ? {} : { unit }),
  };
}

class Parser {
  usedTexts = false;
  readonly #text: string;
  readonly #options: PatternOptions;
  readonly #depth: number;
  readonly #captures: string[] = [];
  #at = 0;
  #alternatives = 0;

  constructor(text: string, options: PatternOptions, depth: number) {
    this.#text = text;
    this.#options = options;
    this.#depth = depth;
  }

  parse(): BytePattern {
    const { unit, output } = this.#options;
    const common = { text: this.#text, ...(unit === undefined ? {} : { unit }) };
    if (this.#text.trim() === 'any') {
      if (output) throw new CaseError('NOT_FOR_OUTPUT', '"any" is no bytes to send', 1);
      return { ...common, items: [], captures: [], any: true };
    }
    const items = this.#items('');
    if (this.#at < this.#text.length) this.#fail(`unexpected "${this.#text[this.#at]}"`);
    if (items.length === 0) this.#fail('the byte pattern is empty');
    const [only] = items;
    // A single word stands for the whole buffer.
    if (items.length === 1 && only && (only.kind === 'untouched' || only.kind === 'written') && !only.count)
      items[0] = { ...only, count: { kind: 'rest' } };
    const folded = fold(items);
    return { ...common, items, captures: this.#captures, ...(folded ? { constant: folded } : {}) };
  }

  #fail(message: string, at = this.#at): never {
    throw new CaseError('SYNTAX', message, at + 1);
  }

  #refuseInOutput(what: string, at: number): void {
    if (this.#options.output)
      throw new CaseError(
        'NOT_FOR_OUTPUT',
        `${what}, but these bytes are sent: only exact bytes can be`,
        at + 1,
      );
  }

  #items(end: string): PatternItem[] {
    const items: PatternItem[] = [];
    for (;;) {
      while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
      const next = this.#text[this.#at];
      if (next === undefined || end.includes(next)) return items;
      const last = items.at(-1);
      if (last?.count?.kind === 'rest')
        this.#fail('"*" without a count reaches to the end, so nothing can follow it');
      items.push(this.#item(next));
    }
  }

  #item(next: string): PatternItem {
    const column = this.#at + 1;
    const atom = this.#atom(next, column);
    const count = this.#count(atom);
    return count ? { ...atom, count } : atom;
  }

  #atom(next: string, column: number): PatternItem {
    const rest = this.#text.slice(this.#at);
    const start = this.#at;
    if (next === '{') return this.#insert(column);
    if (next === '(') return this.#group(column);
    if (next === '"') return this.#quoted(column);
    const word = /^(untouched|written)(?![A-Za-z0-9_])/.exec(rest)?.[1];
    if (word === 'untouched' || word === 'written') {
      this.#refuseInOutput(`"${word}" says what is expected`, start);
      this.#at += word.length;
      return { column, kind: word };
    }
    const generator = /^(stamp|prng|file)\(/.exec(rest)?.[1];
    if (generator !== undefined) return this.#generator(generator, column);
    if (/^b[01.]{8}(?![0-9a-fA-F.])/.test(rest)) return this.#bits(rest.slice(1, 9), column);
    const hex = /^[0-9a-fA-F.]+/.exec(rest)?.[0];
    if (hex !== undefined) return this.#hex(hex, column);
    const token = rest.split(/[\s|)*]/)[0] || next;
    this.#fail(
      `cannot read "${token}"${didYouMean(token, ['untouched', 'written', 'stamp', 'prng', 'file'])}`,
    );
  }

  #hex(hex: string, column: number): PatternItem {
    if (hex.length % 2) this.#fail(`odd number of hex digits: "${hex}"`, column - 1);
    const bytes = new Uint8Array(hex.length / 2);
    const mask = new Uint8Array(hex.length / 2);
    for (let index = 0; index < bytes.length; index++)
      for (const [nibble, shift] of [
        [hex[index * 2], 4],
        [hex[index * 2 + 1], 0],
      ] as const) {
        if (nibble === undefined || nibble === '.') continue;
        bytes[index] = (bytes[index] ?? 0) | (Number.parseInt(nibble, 16) << shift);
        mask[index] = (mask[index] ?? 0) | (0xf << shift);
      }
    if (hex.includes('.')) this.#refuseInOutput('"." leaves bits open', column - 1 + hex.indexOf('.'));
    this.#at += hex.length;
    return { column, kind: 'bytes', bytes, mask };
  }

  #bits(bits: string, column: number): PatternItem {
    if (bits.includes('.')) this.#refuseInOutput('"." leaves a bit open', column + bits.indexOf('.'));
    this.#at += 9;
    return {
      column,
      kind: 'bytes',
      bytes: Uint8Array.of(Number.parseInt(bits.replaceAll('.', '0'), 2)),
      mask: Uint8Array.of(Number.parseInt(bits.replaceAll('0', '1').replaceAll('.', '0'), 2)),
    };
  }

  #quoted(column: number): PatternItem {
    const close = this.#text.indexOf('"', this.#at + 1);
    if (close < 0) this.#fail('the quote is not closed');
    const text = this.#text.slice(this.#at + 1, close);
    if (text === '') this.#fail('a text of no bytes');
    if (!/^[\x20-\x7e]+$/.test(text)) this.#fail('only printable ASCII stands between quotes');
    this.#at = close + 1;
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    return { column, kind: 'bytes', bytes, mask: bytes.map(() => 0xff) };
  }

  #group(column: number): PatternItem {
    this.#refuseInOutput('alternatives are for what is expected', column - 1);
    if (this.#depth + this.#alternatives >= LIMITS.patternDepth)
      throw new CaseError('LIMIT', `alternatives nest at most ${LIMITS.patternDepth} deep`, column);
    this.#alternatives++;
    const before = this.#captures.length;
    const alternatives: PatternItem[][] = [];
    do {
      this.#at++;
      const items = this.#items('|)');
      if (items.length === 0) this.#fail('an alternative is empty');
      if (items.at(-1)?.count?.kind === 'rest')
        this.#fail('"*" without a count is not possible in alternatives');
      alternatives.push(items);
    } while (this.#text[this.#at] === '|');
    if (this.#text[this.#at] !== ')') this.#fail('"(" is not closed', column - 1);
    this.#at++;
    this.#alternatives--;
    if (this.#captures.length > before)
      this.#fail(
        'nothing can be captured in alternatives: another one may be the one that matches',
        column - 1,
      );
    const lengths = alternatives.map(staticLength);
    if (lengths.every((length) => length !== undefined) && new Set(lengths).size > 1)
      this.#fail(`alternatives have equal length, these have ${lengths.join(' and ')} bytes`, column - 1);
    return { column, kind: 'alternatives', alternatives };
  }

  /** Takes the text up to the bracket that closes the one at the current place. */
  #balanced(open: string, close: string): string {
    const start = this.#at;
    let depth = 0;
    for (let at = start; at < this.#text.length; at++) {
      const char = this.#text[at];
      if (char === open) depth++;
      else if (char === close && --depth === 0) {
        this.#at = at + 1;
        return this.#text.slice(start + 1, at);
      }
    }
    this.#fail(`"${open}" is not closed`);
  }

  #expression(text: string, at: number): Expression {
    try {
      return parseExpression(text);
    } catch (error) {
      if (!(error instanceof CaseError)) throw error;
      throw new CaseError(error.code, error.message, at + (error.column ?? 1));
    }
  }

  #generator(name: string, column: number): PatternItem {
    this.#at += name.length;
    const inner = this.#at + 1;
    const body = this.#balanced('(', ')');
    if (name === 'file') {
      const file = body.trim();
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(file))
        this.#fail(`"${file}" is no name of a fixture`, inner);
      return { column, kind: 'file', name: file };
    }
    const parts = splitArguments(body);
    const expressions = parts.map((part) => this.#expression(part.text, inner + part.at));
    const [seed, lba] = expressions;
    if (name === 'stamp' && seed && lba && expressions.length === 2)
      return { column, kind: 'stamp', seed, lba };
    if (name === 'prng' && seed && expressions.length === 1) return { column, kind: 'prng', seed };
    this.#fail(
      name === 'stamp' ? 'stamp(seed, lba) takes two arguments' : 'prng(seed) takes one argument',
      column - 1,
    );
  }

  #insert(column: number): PatternItem {
    const inner = this.#at + 1;
    const body = this.#balanced('{', '}');
    const colon = body.lastIndexOf(':');
    const shown = colon < 0 ? body.trim() : body.slice(0, colon).trim();
    if (colon < 0)
      throw new CaseError('NO_ENCODING', `{${body}} needs an encoding, e.g. {${shown}:be32}`, column);
    const [encoding, list] = this.#encoding(body.slice(colon + 1).trim(), inner + colon + 1);
    const withList = list === undefined ? {} : { list };
    const capture = /^as\s+(.*)$/.exec(shown)?.[1];
    if (capture !== undefined) {
      if (!/^[a-z][a-z0-9_]*$/.test(capture)) this.#fail(`"${capture}" is no name for a capture`, inner);
      this.#refuseInOutput('nothing can be captured', column - 1);
      this.#captures.push(capture);
      return { column, kind: 'value', value: { kind: 'capture', name: capture }, encoding, ...withList };
    }
    const range = splitRange(shown);
    if (range) {
      this.#refuseInOutput('a range leaves the value open', column - 1);
      const [from, to] = range.map((part) => (part === '' ? undefined : this.#expression(part, inner)));
      if (encoding === 'bytes') this.#fail('a range is of numbers, not of bytes', column - 1);
      const value = { kind: 'range' as const, ...(from ? { from } : {}), ...(to ? { to } : {}) };
      return { column, kind: 'value', value, encoding, ...withList };
    }
    if (encoding === 'bytes' && list === undefined && this.#options.texts) {
      // What the name stands for may differ in the next case, even where it is no text in this one.
      this.usedTexts = true;
      const text = this.#options.texts(shown);
      if (typeof text === 'string') return this.#nested(text, shown, column);
    }
    const expression = this.#expression(shown, inner);
    return { column, kind: 'value', value: { kind: 'equals', expression }, encoding, ...withList };
  }

  /** A name that stands for a text: the text is a pattern of its own. */
  #nested(text: string, name: string, column: number): PatternItem {
    if (this.#depth + 1 > LIMITS.patternDepth)
      throw new CaseError('LIMIT', `texts in byte patterns nest at most ${LIMITS.patternDepth} deep`, column);
    const parser = new Parser(text, this.#options, this.#depth + 1);
    let pattern: BytePattern;
    try {
      pattern = parser.parse();
    } catch (error) {
      if (!(error instanceof CaseError)) throw error;
      throw new CaseError(
        error.code,
        `in "${name}" (${text}), column ${error.column ?? 1}: ${error.message}`,
        column,
      );
    }
    if (
      pattern.any ||
      pattern.captures.length > 0 ||
      pattern.items.some((item) => item.count?.kind === 'rest')
    )
      this.#fail(`"${name}" (${text}) cannot be a part of another pattern`, column - 1);
    return { column, kind: 'alternatives', alternatives: [pattern.items] };
  }

  #encoding(text: string, at: number): readonly [Encoding, Expression | undefined] {
    const [, name, list] = /^([A-Za-z0-9]+)(?:\[(.*)\])?$/.exec(text) ?? [];
    if (name === undefined || !ENCODING_NAMES.includes(name))
      throw new CaseError(
        'NO_ENCODING',
        `no encoding "${text}"${didYouMean(name ?? text, ENCODING_NAMES) || `; there are ${ENCODING_NAMES.join(', ')}`}`,
        at + 1,
      );
    return [name as Encoding, list === undefined ? undefined : this.#expression(list, at + name.length + 1)];
  }

  #count(atom: PatternItem): PatternCount | undefined {
    if (this.#text[this.#at] !== '*') return undefined;
    const star = this.#at++;
    if (atom.kind === 'value' && atom.value.kind === 'capture')
      this.#fail('a capture is not repeated; take a list, e.g. {as list:be32[4]}', star);
    if (this.#text[this.#at] === '{') {
      const inner = this.#at + 1;
      const count = this.#expression(this.#balanced('{', '}'), inner);
      return { kind: this.#blocks(), count };
    }
    const digits = /^[0-9]+/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) return { kind: 'rest' };
    this.#at += digits.length;
    const count = constant(BigInt(digits), digits);
    const kind = this.#blocks();
    if (/[0-9A-Za-z_]/.test(this.#text[this.#at] ?? ''))
      this.#fail(`"${this.#text[this.#at]}" after the count ${digits}`);
    if (BigInt(digits) > BigInt(LIMITS.bufferBytes))
      throw new CaseError('LIMIT', `a count of ${digits} is beyond ${LIMITS.bufferBytes}`, star + 1);
    return { kind, count };
  }

  #blocks(): 'blocks' | 'times' {
    if (this.#text[this.#at] !== 'b' || /^b[0-9a-fA-F.01]/.test(this.#text.slice(this.#at))) return 'times';
    this.#at++;
    return 'blocks';
  }
}

/** Splits at commas that are not within parentheses. */
function splitArguments(text: string): { readonly text: string; readonly at: number }[] {
  const out: { text: string; at: number }[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const char = text[at];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (at === text.length || (char === ',' && depth === 0)) {
      out.push({ text: text.slice(start, at), at: start });
      start = at + 1;
    }
  }
  return out;
}

/** Length in bytes of items where it can be told without values. */
function staticLength(items: readonly PatternItem[]): number | undefined {
  let total = 0;
  for (const item of items) {
    let length: number | undefined;
    switch (item.kind) {
      case 'bytes':
        length = item.bytes.length;
        break;
      case 'untouched':
      case 'written':
        length = 1;
        break;
      case 'value':
        if (item.encoding !== 'bytes' && item.list === undefined) length = ENCODINGS[item.encoding].size;
        break;
      case 'alternatives':
        length = staticLength(item.alternatives[0] ?? []);
    }
    if (length === undefined) return undefined;
    if (item.count) {
      if (item.count.kind !== 'times' || typeof item.count.count.constant !== 'bigint') return undefined;
      length *= Number(item.count.count.constant);
    }
    total += length;
  }
  return total;
}

/** Bytes and mask where all items are constant and small: the fast path of matching. */
function fold(items: readonly PatternItem[]): { bytes: Uint8Array; mask: Uint8Array } | undefined {
  const length = staticLength(items);
  if (length === undefined || length > 1 << 16 || items.some((item) => item.kind !== 'bytes'))
    return undefined;
  const bytes = new Uint8Array(length);
  const mask = new Uint8Array(length);
  let at = 0;
  for (const item of items) {
    if (item.kind !== 'bytes') return undefined;
    const times = item.count?.kind === 'times' ? Number(item.count.count.constant) : 1;
    for (let round = 0; round < times; round++, at += item.bytes.length) {
      bytes.set(item.bytes, at);
      mask.set(item.mask, at);
    }
  }
  return { bytes, mask };
}
