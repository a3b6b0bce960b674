/** Results as one JSON object a line, written while the run goes on: a session that ends early loses none. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { CaseResult, RunResults } from '../run/results.js';

/** `{"type":"header"}`, a `{"type":"case"}` for every case, and a `{"type":"footer"}` with everything but the cases. */
export class JsonLinesReport {
  readonly #fd: number;

  /** Creates or empties the file. Throws the file system's error. */
  constructor(file: string) {
    this.#fd = openSync(file, 'w');
  }

  header(fields: Readonly<Record<string, unknown>>): void {
    this.#write({ type: 'header', schemaVersion: 1, ...fields });
  }

  result(result: CaseResult): void {
    this.#write({ type: 'case', ...result });
  }

  footer(results: RunResults): void {
    const { cases: _, ...rest } = results;
    this.#write({ type: 'footer', ...rest });
    closeSync(this.#fd);
  }

  #write(value: unknown): void {
    writeSync(this.#fd, `${JSON.stringify(value)}\n`);
  }
}
