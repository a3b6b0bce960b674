/** Writing report files, and saying so when it cannot be done. */
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { STANDARD_OUTPUT } from './format.js';

/** A report cannot be written. The run goes on; exit code 5 if nothing worse happened. */
export class ReportError extends Error {
  readonly file: string;
  constructor(file: string, cause: unknown) {
    const { code, message } = cause as { code?: string; message?: string };
    const remedy = REMEDIES[code ?? ''];
    const reason = message ?? String(cause);
    super(`the report ${file} could not be written: ${reason}${remedy === undefined ? '' : `; ${remedy}`}`, {
      cause,
    });
    this.name = 'ReportError';
    this.file = file;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on the disk, or name a file elsewhere',
  EDQUOT: 'make room within the quota, or name a file elsewhere',
  EACCES: 'name a file in a folder that may be written',
  EROFS: 'name a file on a file system that may be written',
  EISDIR: 'name a file, not a folder',
  ENOTDIR: 'a part of its path is a file',
};

/**
 * Writes a whole file, so that it is either the old one or complete, never half; what is no plain file (a pipe, a
 * device) is written as it is. Makes the folder where there is none. Throws ReportError.
 */
export function writeReport(file: string, text: string): void {
  try {
    if (file === STANDARD_OUTPUT) {
      writeOutput(text);
      return;
    }
    makeFolder(dirname(file));
    if (isSpecial(file)) {
      writeFileSync(file, text);
      return;
    }
    const part = `${file}.part`;
    try {
      writeFileSync(part, text);
      renameSync(part, file);
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
  } catch (error) {
    throw new ReportError(file, error);
  }
}

let outputClosed: () => void = () => {};

/** Whoever read standard output went away: `listener` hears of it, and what is written there from then on is dropped. */
export function onOutputClosed(listener: () => void): void {
  outputClosed = listener;
}

/** Writes to standard output. Throws what writing to a file throws, but for EPIPE. */
function writeOutput(text: string): void {
  try {
    writeAll(STDOUT, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    outputClosed();
  }
}

/** Its descriptor: where it is a socket, its name cannot be opened. */
const STDOUT = 1;
/** So long a reader that is slower is left to read, in milliseconds. */
const PATIENCE_MS = 5;

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (error) {
      // Standard output may be a pipe that does not block, and is full.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PATIENCE_MS);
    }
  }
}

/** Makes a folder and those above it. Node's own way to do so never comes back on file systems such as /proc. */
function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  mkdirSync(folder);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isSpecial(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** A report that grows line by line: what was written is there even if the run is cut short. */
export class LineFile {
  readonly #file: string;
  readonly #fd: number;

  /**
   * Makes the file, which takes the place of one that is there once the first lines are in it, and the folder where
   * there is none. Throws ReportError.
   */
  constructor(file: string, first: readonly string[]) {
    this.#file = file;
    const toOutput = file === STANDARD_OUTPUT;
    const part = toOutput || isSpecial(file) ? undefined : `${file}.part`;
    try {
      if (!toOutput) makeFolder(dirname(file));
      this.#fd = toOutput ? STDOUT : openSync(part ?? file, 'w');
      this.#write(first.map((line) => `${line}\n`).join(''));
      if (part !== undefined) renameSync(part, file);
    } catch (error) {
      if (part !== undefined) rmSync(part, { force: true });
      throw new ReportError(file, error);
    }
  }

  /** Throws ReportError. */
  write(line: string): void {
    try {
      this.#write(`${line}\n`);
    } catch (error) {
      throw new ReportError(this.#file, error);
    }
  }

  #write(text: string): void {
    if (this.#fd === STDOUT) writeOutput(text);
    else writeAll(this.#fd, text);
  }

  close(): void {
    if (this.#fd !== STDOUT) closeSync(this.#fd);
  }
}
