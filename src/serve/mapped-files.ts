/** Memory that another process lends by descriptors: mapped, and within the bounds of its file. */
import { fstatSync } from 'node:fs';
import { libc, type Mapping } from '../sys/libc.js';

/** Regions larger than this are more than a view of memory can have. */
const MOST_BYTES = 2n ** 32n;
const PAGE = 4096n;

/** A message is not what it should be; the reason. */
export class MalformedMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedMessageError';
  }
}

/** What was mapped stays so, and is found again when the same file comes. */
export class MappedFiles {
  readonly #mappings = new Map<string, Mapping>();

  /** These bytes of the file. Throws `MalformedMessageError` where there are none, `LibcError` where they cannot be mapped. */
  map(fd: number, offset: bigint, size: bigint): Uint8Array {
    if (size === 0n || size > MOST_BYTES) throw new MalformedMessageError(`a memory region of ${size} bytes`);
    const file = fstatSync(fd, { bigint: true });
    // Memory beyond the end of its file would kill this process when it is touched.
    if (offset + size > file.size)
      throw new MalformedMessageError(
        `a memory region of ${size} bytes at ${offset} in a file of ${file.size} bytes`,
      );
    const start = offset - (offset % PAGE);
    const key = `${file.dev}:${file.ino}:${start}:${offset + size}`;
    let mapping = this.#mappings.get(key);
    if (mapping === undefined) {
      mapping = libc().mapShared(fd, Number(start), Number(offset + size - start));
      this.#mappings.set(key, mapping);
    }
    const skip = Number(offset - start);
    return mapping.bytes.subarray(skip, skip + Number(size));
  }
}
