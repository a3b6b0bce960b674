/** Mistakes in case files, and how they are shown. */
import type { ProblemKind } from './compiler.js';

/** One mistake. */
export interface CaseProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: ProblemKind;
  readonly message: string;
  /** The source line. */
  readonly excerpt: string;
}

/** The mistake with its place, its line and a mark under the column. */
export function formatProblem(problem: CaseProblem): string {
  const { file, line, column, kind, message, excerpt } = problem;
  const head = `${file}:${line}:${column}  ${kind}  ${message}`;
  if (excerpt.trim() === '') return head;
  const number = String(line).padStart(5);
  // Long lines are cut around the mark, so that terminals need not wrap them.
  const start = column > 100 ? column - 60 : 0;
  const shown = excerpt.slice(start, start + 140);
  return `${head}\n${number} | ${shown}\n      | ${' '.repeat(Math.max(0, column - 1 - start))}^`;
}
