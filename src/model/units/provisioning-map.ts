/** Which blocks of a thin disk are backed by storage (SBC-4, "Logical block provisioning"). */

/** PROVISIONING STATUS of the LBA status descriptor. */
export const ProvisioningStatus = { MAPPED: 0, DEALLOCATED: 1, ANCHORED: 2 } as const;
export type ProvisioningStatus = (typeof ProvisioningStatus)[keyof typeof ProvisioningStatus];

/** Blocks from an address on that have the same status. */
export interface ProvisionedRun {
  readonly lba: bigint;
  readonly blocks: bigint;
  readonly status: ProvisioningStatus;
}

const CHUNK = 4096n;

/** The status of every block, kept only around blocks that are not deallocated. */
export class ProvisioningMap {
  readonly #chunks = new Map<bigint, Uint8Array>();

  set(lba: bigint, blocks: bigint, status: ProvisioningStatus): void {
    // By what exists where nothing is added: the range may be far larger than what was ever written.
    if (status === ProvisioningStatus.DEALLOCATED) {
      for (const number of this.#chunks.keys()) this.#fill(number, lba, blocks, status);
      return;
    }
    for (let number = lba / CHUNK; number * CHUNK < lba + blocks; number++) {
      if (!this.#chunks.has(number))
        this.#chunks.set(number, new Uint8Array(Number(CHUNK)).fill(ProvisioningStatus.DEALLOCATED));
      this.#fill(number, lba, blocks, status);
    }
  }

  #fill(number: bigint, lba: bigint, blocks: bigint, status: ProvisioningStatus): void {
    const start = number * CHUNK;
    const from = lba > start ? lba - start : 0n;
    const to = lba + blocks < start + CHUNK ? lba + blocks - start : CHUNK;
    if (from < to) this.#chunks.get(number)?.fill(status, Number(from), Number(to));
  }

  /** The longest run of one status that begins at `lba` and ends before `end`. */
  run(lba: bigint, end: bigint): ProvisionedRun {
    const status = this.#at(lba);
    let next = lba;
    while (next < end && this.#at(next) === status) {
      const chunk = this.#chunks.get(next / CHUNK);
      if (chunk) {
        const offset = Number(next % CHUNK);
        const other = chunk.findIndex((value, at) => at >= offset && value !== status);
        next += (other < 0 ? CHUNK : BigInt(other)) - BigInt(offset);
      } else next = this.#chunkAfter(next / CHUNK, end);
    }
    return { lba, blocks: (next < end ? next : end) - lba, status };
  }

  #at(lba: bigint): ProvisioningStatus {
    const value = this.#chunks.get(lba / CHUNK)?.[Number(lba % CHUNK)];
    return (value ?? ProvisioningStatus.DEALLOCATED) as ProvisioningStatus;
  }

  /** The first block of the next chunk that exists. */
  #chunkAfter(number: bigint, end: bigint): bigint {
    let next = end;
    for (const each of this.#chunks.keys()) if (each > number && each * CHUNK < next) next = each * CHUNK;
    return next;
  }
}
