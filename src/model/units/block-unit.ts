/** What commands that read blocks need of their unit. */
import { CheckCondition, Sense } from './sense.js';

export interface BlockUnit {
  /** Blocks of the medium. */
  readonly blocks: bigint;
  readonly blockSize: number;
  /** Blocks that one command moves at most. */
  readonly limits: { readonly transferBlocks: number };
  /**
   * Throws LOGICAL BLOCK ADDRESS OUT OF RANGE unless all blocks exist; a range of none may begin at the end.
   * `taken` is the length of a parameter list that was read before.
   */
  checkRange(lba: bigint, blocks: bigint, taken?: number): void;
  readBlocks(lba: bigint, blocks: number): Uint8Array;
}

/** `checkRange` of a unit with so many blocks. */
export function checkBlockRange(total: bigint, lba: bigint, blocks: bigint, taken = 0): void {
  if (lba + blocks <= total) return;
  const firstMissing = lba > total ? lba : total;
  throw new CheckCondition({ ...Sense.LBA_OUT_OF_RANGE, information: firstMissing }, taken);
}
