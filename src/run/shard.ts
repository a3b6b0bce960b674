/** Runs in several parts, on as many machines. */
import { hashOfText } from './hash.js';
import type { Shard } from './results.js';

/**
 * Whether a case, by its id, belongs to a part. That depends on nothing but the id, so every machine makes the same
 * parts, and a new case moves no other. All modes of a case are in one part.
 */
export function isInShard(id: string, { index, count }: Shard): boolean {
  return hashOfText(id) % count === index - 1;
}
