/** The memory that a front-end shares with a back-end: mapped, within bounds, and found by either kind of address. */
import { fstatSync } from 'node:fs';
import type { MemoryRegion } from '../model/memory.js';
import { libc, type Mapping } from '../sys/libc.js';
import { VHOST_USER_MAX_REGIONS, vhostUserMemory, vhostUserMemoryRegion } from '../wire/vhost-user.js';

/** Regions larger than this are more than a view of memory can have. */
const MOST_BYTES = 2n ** 32n;
const PAGE = 4096n;

/** A region as the table describes it. */
interface Region {
  readonly guest: bigint;
  readonly user: bigint;
  readonly bytes: Uint8Array;
}

/** A message is not what it should be; the reason. */
export class MalformedMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedMessageError';
  }
}

/** Memory of one front-end after another. What was mapped stays so, and is found again when the same file comes. */
export class GuestMemoryTable {
  #regions: readonly Region[] = [];
  readonly #mappings = new Map<string, Mapping>();

  /** Takes a table over, and closes its descriptors. Throws `MalformedMessageError`; the memory is then as before. */
  replace(payload: Uint8Array, fds: readonly number[]): readonly MemoryRegion[] {
    try {
      const { count } = payload.length < vhostUserMemory.size ? { count: -1 } : vhostUserMemory.read(payload);
      if (count < 0 || count > VHOST_USER_MAX_REGIONS)
        throw new MalformedMessageError(`a memory table of ${count} regions`);
      const wanted = vhostUserMemory.size + count * vhostUserMemoryRegion.size;
      if (payload.length < wanted)
        throw new MalformedMessageError(`${payload.length} bytes for a memory table of ${count} regions`);
      if (fds.length !== count)
        throw new MalformedMessageError(`${fds.length} descriptors for ${count} memory regions`);
      this.#regions = fds.map((fd, i) =>
        this.#region(
          vhostUserMemoryRegion.read(payload, vhostUserMemory.size + i * vhostUserMemoryRegion.size),
          fd,
        ),
      );
      return this.#regions.map(({ guest, bytes }) => ({ iova: guest, bytes }));
    } finally {
      for (const fd of fds) libc().close(fd);
    }
  }

  /** Forgets the memory; nothing is unmapped. */
  clear(): void {
    this.#regions = [];
  }

  /** The guest address of an address of the front-end; undefined for one that is in no region. */
  guestAddress(user: bigint): bigint | undefined {
    const home = this.#regions.find(
      (region) => user >= region.user && user < region.user + BigInt(region.bytes.length),
    );
    return home && home.guest + (user - home.user);
  }

  #region(
    {
      guest,
      user,
      size,
      offset,
    }: { readonly guest: bigint; readonly user: bigint; readonly size: bigint; readonly offset: bigint },
    fd: number,
  ): Region {
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
    return { guest, user, bytes: mapping.bytes.subarray(skip, skip + Number(size)) };
  }
}
