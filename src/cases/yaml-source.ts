/**
 * Reading YAML: text to plain values, and from a path back to the place in the text. Only data are let through: no
 * anchors, aliases, tags or merges, no double keys, bounded size and nesting.
 */
import type { Document } from 'yaml';
import { yaml } from '../sys/lazy-packages.js';
import type { PartOfValue, Path, ProblemKind } from './compiler.js';
import { LIMITS } from './limits.js';
import { offsetOf, type Places, placesOf } from './places.js';
import type { CaseProblem } from './problem.js';
import type { Position } from './types.js';

/** A file that was read. */
export interface YamlSource {
  readonly file: string;
  readonly text: string;
  /** Plain values; integers are BigInt. Undefined where the text is no acceptable YAML. */
  readonly root: unknown;
  readonly problems: readonly CaseProblem[];
  /** Of all values. */
  readonly places: Places;
  /**
   * Place of the value at a path, of its key, or of a column within the text of the scalar there; of the value itself
   * where that cannot be told.
   */
  locate(path: Path, part?: PartOfValue): Position;
  /** A scalar as it is written. */
  writtenAs(path: Path): string | undefined;
  problem(at: Position, kind: ProblemKind, message: string): CaseProblem;
}

/** Reads a case file; never throws. */
export function readYaml(file: string, text: string): YamlSource {
  const lines = text.split(/\r?\n/);
  const problem = (at: Position, kind: ProblemKind, message: string): CaseProblem => ({
    file,
    ...at,
    kind,
    message,
    excerpt: lines[at.line - 1] ?? '',
  });
  const start: Position = { line: 1, column: 1 };
  const broken = (...problems: CaseProblem[]): YamlSource => ({
    file,
    text,
    root: undefined,
    problems,
    places: new Map(),
    locate: () => start,
    writtenAs: () => undefined,
    problem,
  });
  const size = Buffer.byteLength(text);
  if (size > LIMITS.fileBytes)
    return broken(problem(start, 'limit', `the file has ${size} bytes, more than ${LIMITS.fileBytes}`));
  if (nestsSteeply(text))
    return broken(problem(start, 'limit', `the file nests more than ${LIMITS.yamlDepth} deep`));
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      uniqueKeys: true,
      intAsBigInt: true,
      merge: false,
      lineCounter,
    });
  } catch (error) {
    const reason = error instanceof RangeError ? 'it nests too deeply' : String(error);
    return broken(problem(start, 'yaml', `the file cannot be read: ${reason}`));
  }
  const [first] = document.errors;
  if (first) {
    const at = positionOf(first.pos[0]);
    if (first.code === 'DUPLICATE_KEY') {
      const key = /^[^\s:,}\]]+/.exec(text.slice(first.pos[0]))?.[0] ?? '';
      return broken(problem(at, 'key', `"${key}" appears twice in one map`));
    }
    const message = (first.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    return broken(problem(at, 'yaml', message));
  }
  const refused = refusedNode(document);
  if (refused) return broken(problem(positionOf(refused.offset), 'yaml', refused.message));

  const find = (path: Path) => {
    let node: unknown = document.contents;
    let key: unknown;
    for (const step of path) {
      key = undefined;
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => (isScalar(item.key) ? String(item.key.value) : '') === String(step),
        );
        if (!pair) return { node, key };
        key = pair.key;
        node = pair.value ?? pair.key;
      } else if (isSeq(node)) {
        const item = node.items[Number(step)];
        if (item === undefined) return { node, key };
        node = item;
      } else return { node, key };
    }
    return { node, key };
  };
  return {
    file,
    text,
    root: document.toJS({ maxAliasCount: 0 }),
    problems: [],
    places: placesOf(document.contents, positionOf),
    locate: (path, { key: ofKey = false, column } = {}) => {
      const { node, key } = find(path);
      const offset = offsetOf(ofKey ? (key ?? node) : node);
      if (ofKey || column === undefined || !isScalar(node) || typeof node.value !== 'string')
        return positionOf(offset);
      const written = text.slice(offset, offset + node.value.length + 1);
      const plain = written.startsWith(node.value);
      const quoted = written.slice(1).startsWith(node.value);
      if (!plain && !quoted) return positionOf(offset);
      return positionOf(offset + (plain ? 0 : 1) + Math.min(column - 1, node.value.length));
    },
    writtenAs: (path) => {
      const { node } = find(path);
      return isScalar(node) ? (node.source ?? String(node.value)) : undefined;
    },
    problem,
  };
}

/**
 * Whether text nests beyond all reason. The parser is recursive and slow on such text, so it does not get to see it;
 * brackets within quotes are in balance in any honest file, and the bound is far above what the language needs.
 */
function nestsSteeply(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > 8 * LIMITS.yamlDepth) return true;
  }
  return /(?:[-?] ){64}/.test(text);
}

/** The first node that is more than data. */
function refusedNode(
  document: Document.Parsed,
): { readonly offset: number; readonly message: string } | undefined {
  const { isAlias, isScalar, visit } = yaml();
  let found: { offset: number; message: string } | undefined;
  const refuse = (node: { range?: readonly number[] | null | undefined }, message: string) => {
    found = { offset: node.range?.[0] ?? 0, message };
    return visit.BREAK;
  };
  visit(document, {
    Node: (_, node, path) => {
      if (isAlias(node) || node.anchor !== undefined)
        return refuse(node, 'anchors and aliases are not part of the language: name the value with "let"');
      if (node.tag !== undefined) return refuse(node, `the tag ${node.tag} is not part of the language`);
      if (path.length > 2 * LIMITS.yamlDepth)
        return refuse(node, `the file nests more than ${LIMITS.yamlDepth} deep`);
      return undefined;
    },
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === '<<')
        return refuse(pair.key, 'merges (<<) are not part of the language: name the value with "let"');
      if (!isScalar(pair.key)) return refuse(pair.key as object, 'a key is a single word');
      return undefined;
    },
  });
  return found;
}
