/** The medium of a disk: its blocks, how they are provisioned, and the protection information that came with them. */
import { BlockStore } from './block-store.js';
import { generated, type ProtectionType, protectionTuple } from './protection.js';
import { type ProvisionedRun, ProvisioningMap, ProvisioningStatus } from './provisioning-map.js';

const TUPLE = protectionTuple.size;

/** How a medium is formatted. */
export interface MediumFormat {
  readonly blockSize: number;
  /** Blocks are backed by storage only where something was written. */
  readonly thin: boolean;
  /** Type of protection information, 0 for none. */
  readonly protection: ProtectionType;
}

/** Addresses are those of the unit; `at` is where a block is stored, which is the same in a conformant unit. */
export class BlockMedium {
  blocks: bigint;
  readonly #format: MediumFormat;
  readonly #store = new BlockStore();
  readonly #provisioning = new ProvisioningMap();
  /** Protection information that came with blocks; the unit makes that of all others. */
  readonly #tuples = new Map<bigint, Uint8Array>();

  constructor(blocks: bigint, format: MediumFormat) {
    this.blocks = blocks;
    this.#format = format;
  }

  read(at: bigint, blocks: number): Uint8Array {
    return this.#store.read(this.#offset(at), blocks * this.#format.blockSize);
  }

  /** Writes whole blocks, with their protection information where it came along. */
  write(lba: bigint, at: bigint, bytes: Uint8Array, protection?: Uint8Array): void {
    this.#store.write(this.#offset(at), bytes);
    const blocks = bytes.length / this.#format.blockSize;
    this.#overwritten(lba, blocks);
    for (let n = 0; protection && n < blocks; n++)
      this.#tuples.set(lba + BigInt(n), protection.slice(n * TUPLE, (n + 1) * TUPLE));
  }

  /** Writes the same block many times. */
  fill(lba: bigint, at: bigint, blocks: number, block: Uint8Array): void {
    this.#overwritten(lba, blocks);
    const offset = this.#offset(at);
    for (let n = 0; n < blocks; n++) this.#store.write(offset + n * this.#format.blockSize, block);
  }

  /** Sets blocks to zero, and gives them this provisioning status. */
  clear(lba: bigint, at: bigint, blocks: number, status: ProvisioningStatus): void {
    this.#store.clear(this.#offset(at), blocks * this.#format.blockSize);
    this.#overwritten(lba, blocks, status);
  }

  /** Makes the whole medium new: every block holds this pattern, or without one zeros in no storage of its own. */
  renew(block?: Uint8Array): void {
    this.#store.renew(block);
    const status = block ? ProvisioningStatus.MAPPED : ProvisioningStatus.DEALLOCATED;
    if (this.#format.thin) this.#provisioning.set(0n, this.blocks, status);
    this.#tuples.clear();
  }

  /** Protection information of a block with these contents. */
  protectionOf(lba: bigint, block: Uint8Array): Uint8Array {
    return this.#tuples.get(lba) ?? generated(this.#format.protection, lba, block);
  }

  /** The blocks from `lba` on that have the same provisioning status. */
  provisionedRun(lba: bigint): ProvisionedRun {
    return this.#format.thin
      ? this.#provisioning.run(lba, this.blocks)
      : { lba, blocks: this.blocks - lba, status: ProvisioningStatus.MAPPED };
  }

  #offset(at: bigint): number {
    return Number(at) * this.#format.blockSize;
  }

  /** New contents: blocks are mapped then, and their protection information is no longer the one that came before. */
  #overwritten(lba: bigint, blocks: number, status: ProvisioningStatus = ProvisioningStatus.MAPPED): void {
    if (this.#format.thin) this.#provisioning.set(lba, BigInt(blocks), status);
    if (this.#tuples.size === 0) return;
    for (let n = 0; n < blocks; n++) this.#tuples.delete(lba + BigInt(n));
  }
}
