/** The memory that a front-end shares with a back-end: mapped, within bounds, and found by either kind of address. */
import type { MemoryRegion } from '../model/memory.js';
import { closeAll } from '../sys/libc.js';
import { VHOST_USER_MAX_REGIONS, vhostUserMemory, vhostUserMemoryRegion } from '../wire/vhost-user.js';
import { MalformedMessageError, MappedFiles } from './mapped-files.js';

/** A region as the table describes it. */
interface Region {
  readonly guest: bigint;
  readonly user: bigint;
  readonly bytes: Uint8Array;
}

/** Memory of one front-end after another. */
export class GuestMemoryTable {
  #regions: readonly Region[] = [];
  readonly #files = new MappedFiles();

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
      closeAll(fds);
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
    return { guest, user, bytes: this.#files.map(fd, offset, size) };
  }
}
