/** Choosing cases by id. */
import { editDistance } from '../cases/suggest.js';

/** Globs over case ids. */
export interface IdChoice {
  /** Only ids that match one of these; empty for all. */
  readonly select: readonly string[];
  /** But none that matches one of these. */
  readonly skip: readonly string[];
}

/** `*` stands for any text, `?` for one character; everything else, brackets of expanded ids included, is literal. */
function source(glob: string): string {
  return glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
}

/** The id of a case as its author wrote it, from that of an expansion. */
export function baseOf(id: string): string {
  const bracket = id.indexOf('[');
  return bracket < 0 ? id : id.slice(0, bracket);
}

/** A matcher for case ids. Without globs everything matches. A glob also matches the expansions of the id that it names. */
export function idMatcher(globs: readonly string[]): (id: string) => boolean {
  if (globs.length === 0) return () => true;
  const patterns = globs.map((glob) => new RegExp(`^${source(glob)}(\\[.*\\])?$`));
  return (id) => patterns.some((pattern) => pattern.test(id));
}

/** A matcher for a choice. */
export function choiceMatcher({ select, skip }: IdChoice): (id: string) => boolean {
  const selected = idMatcher(select);
  const left = skip.length === 0 ? () => false : idMatcher(skip);
  return (id) => selected(id) && !left(id);
}

/**
 * Whether a glob could match an expansion of an id. Expansions are known only to a device, but most typing mistakes can
 * be told without one.
 */
export function mayMatchExpansion(glob: string, baseId: string): boolean {
  if (idMatcher([glob])(baseId)) return true;
  // An expansion ends with a bracket: what ends otherwise names the id itself.
  if (!/[\]*?]$/.test(glob)) return false;
  // The id may end within the text that a `*` stands for, or where the brackets begin.
  return [...glob].some((char, at) => {
    if (char !== '*' && char !== '[') return false;
    const start = char === '*' ? glob.slice(0, at + 1) : glob.slice(0, at);
    return new RegExp(`^${source(start)}$`).test(baseId);
  });
}

/** Whether a case, by its id as written, may have expansions in a selection. `bases`: only of these ids. */
export function mayBeSelected({
  select,
  bases,
}: {
  readonly select: readonly string[];
  readonly bases?: readonly string[];
}): (baseId: string) => boolean {
  const allowed = bases && new Set(bases);
  return (id) =>
    (allowed?.has(id) ?? true) && (select.length === 0 || select.some((glob) => mayMatchExpansion(glob, id)));
}

const MOST_NAMES = 3;

/** The names that someone who wrote `word` (maybe a glob) may have meant, nearest first. */
export function nearNames(word: string, names: Iterable<string>): string[] {
  const wild = /[*?]/.test(word);
  const plain = word.replaceAll(/[*?]+/g, '');
  const near = [...new Set(names)].map((name) => {
    const compared = wild ? name.slice(0, plain.length) : name;
    return {
      name,
      distance:
        Math.abs(compared.length - plain.length) > plain.length ? Infinity : editDistance(plain, compared),
    };
  });
  const limit = Math.max(2, plain.length / 3);
  return near
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** `; did you mean a, b or c?`, or nothing. */
export function didYouMeanOneOf(word: string, names: Iterable<string>): string {
  const near = nearNames(word, names);
  if (near.length === 0) return '';
  const last = near.length === 1 ? near[0] : `${near.slice(0, -1).join(', ')} or ${near.at(-1)}`;
  return `; did you mean ${last}?`;
}
