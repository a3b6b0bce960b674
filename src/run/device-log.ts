/** What a device process writes to standard error, cut at the ends of cases so that each case has its own part. */
import { fstatSync, ftruncateSync, readSync } from 'node:fs';

/** No more than this of a case's part is looked at. */
const MOST_BYTES = 256 * 1024;
/** The file lies in memory: pages of what was read are given back beyond this size. */
const RELEASE_BYTES = 16 * 1024 * 1024;

/** Reads on in a file that another process appends to. */
export class DeviceLog {
  readonly #fd: number;
  #at = 0;
  #released = 0;

  constructor(fd: number) {
    this.#fd = fd;
    this.#at = fstatSync(fd).size;
  }

  /** What was written since the last call; empty for nothing. */
  take(): string {
    const { size } = fstatSync(this.#fd);
    if (size <= this.#at) return '';
    const start = this.#at;
    const part = Buffer.alloc(Math.min(size - start, MOST_BYTES));
    const length = readSync(this.#fd, part, 0, part.length, start);
    this.#at = size;
    if (size - this.#released > RELEASE_BYTES) {
      // The writer's position stays: what it writes next lies behind a hole that takes no memory.
      ftruncateSync(this.#fd, 0);
      this.#released = size;
    }
    return part.subarray(0, length).toString('utf8');
  }
}
