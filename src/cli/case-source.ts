/** Cases as they stand in their files. */
import { readFileSync } from 'node:fs';
import { isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import type { CaseDefinition } from '../cases/types.js';

interface Parsed {
  readonly text: string;
  readonly cases: ReadonlyMap<string, YAMLMap>;
}

/** Reads each file once. The files have been checked before. */
export class CaseSources {
  readonly #files = new Map<string, Parsed>();

  /** The lines of a case, without the indentation that they share. */
  text(definition: CaseDefinition): string {
    const { text, cases } = this.#parsed(definition.file);
    const [start = 0, end = 0] = cases.get(definition.id)?.range ?? [];
    const column = start - (text.lastIndexOf('\n', start - 1) + 1);
    return text
      .slice(start, end)
      .trimEnd()
      .split('\n')
      .map((line, index) => (index === 0 ? line : line.slice(Math.min(column, line.search(/\S|$/)))))
      .join('\n');
  }

  /** The standing checks that a case turns off, with the reasons. */
  waivers(definition: CaseDefinition): Record<string, string> {
    const waive: unknown = this.#parsed(definition.file).cases.get(definition.id)?.get('waive');
    if (!isMap(waive)) return {};
    return Object.fromEntries(waive.items.map(({ key, value }) => [String(key), String(value)]));
  }

  #parsed(file: string): Parsed {
    const known = this.#files.get(file);
    if (known) return known;
    const text = readFileSync(file, 'utf8');
    const cases = new Map<string, YAMLMap>();
    const list: unknown = parseDocument(text).get('cases');
    if (isSeq(list)) for (const item of list.items) if (isMap(item)) cases.set(String(item.get('id')), item);
    const parsed = { text, cases };
    this.#files.set(file, parsed);
    return parsed;
  }
}
