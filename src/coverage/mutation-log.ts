/** What a run of the mutants has found so far, so that one that was cut off goes on where it was. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseFile } from '../cases/types.js';
import { LineFile } from '../report/report-file.js';
import type { TimedFindings } from './mutation-pool.js';

const CODE = fileURLToPath(new URL('../', import.meta.url));

/** Names what decides the findings: the code of the suite, the model in it, and the cases. */
function suiteKey(files: readonly CaseFile[]): string {
  const hash = createHash('sha256');
  for (const path of readdirSync(CODE, { recursive: true, encoding: 'utf8' }).sort())
    if (/\.[jt]s$/.test(path))
      hash
        .update(path)
        .update('\0')
        .update(readFileSync(join(CODE, path)));
  const withoutBigInts = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
  hash.update(JSON.stringify(files, withoutBigInts));
  return hash.digest('hex');
}

interface Header {
  readonly type: 'header';
  readonly suite: string;
}

/** A file is there that is no log of mutants. */
export class MutationLogError extends Error {
  constructor(file: string) {
    super(`${file} is there, and is no log of \`vscsi mutate\`: name another file`);
    this.name = 'MutationLogError';
  }
}

/** A file of lines: which suite it is, and what each mutant came to. */
export class MutationLog {
  /** What an earlier run of the same suite had found; nothing if the suite is another one now. */
  readonly found: readonly TimedFindings[];
  readonly #lines: LineFile;

  /** Goes on with the file, or makes it. Throws MutationLogError and ReportError. */
  constructor(file: string, files: readonly CaseFile[]) {
    const header: Header = { type: 'header', suite: suiteKey(files) };
    const [first = header, ...rest] = existsSync(file) ? linesOf(file) : [];
    if (!isHeader(first)) throw new MutationLogError(file);
    this.found = first.suite === header.suite ? (rest as TimedFindings[]) : [];
    this.#lines = new LineFile(
      file,
      [header, ...this.found].map((line) => JSON.stringify(line)),
    );
  }

  /** Throws ReportError. */
  add(findings: TimedFindings): void {
    this.#lines.write(JSON.stringify(findings));
  }

  close(): void {
    this.#lines.close();
  }
}

const isHeader = (value: unknown): value is Header =>
  typeof value === 'object' &&
  value !== null &&
  (value as Partial<Header>).type === 'header' &&
  'suite' in value;

/** The values of the lines; the last one may have been cut short. */
function linesOf(file: string): unknown[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.flatMap((line, index) => {
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      if (index > 0 && index === lines.length - 1) return [];
      throw new MutationLogError(file);
    }
  });
}
