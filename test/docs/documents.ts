/** The documents that users read, and the blocks of code in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './reader.js';

/** A block of code, as it stands between its fences. */
export interface Block {
  /** The word behind the fence, e.g. `sh`; empty for output. */
  readonly language: string;
  readonly text: string;
  /** Line of the document on which the text begins, from 1. */
  readonly line: number;
}

/** Paths in the repository: the README and what is in `docs`. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONFORMANCE.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export const textOf = (document: string): string => readFileSync(join(ROOT, document), 'utf8');

/** The blocks of a document, in order. */
export function blocksOf(document: string): Block[] {
  const text = textOf(document);
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(({ 1: language = '', 2: block = '', index }) => ({
    language,
    text: block,
    line: text.slice(0, index).split('\n').length + 1,
  }));
}

/** The name of the file that an example is, where its first line says so: `# my-cases.yaml`. */
export const fileOf = ({ text }: Block): string | undefined => /^# ([\w-]+\.ya?ml)\b/.exec(text)?.[1];
