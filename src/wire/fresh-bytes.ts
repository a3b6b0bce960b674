/** Small pieces of memory for what is made for every transaction: an allocation each costs several times their use. */

const SLAB_BYTES = 1 << 16;
/** A larger piece has memory of its own. */
const LARGEST = 1 << 10;

let slab = new Uint8Array(SLAB_BYTES);
let next = 0;

/** No bytes; nobody can change them. */
export const NO_BYTES = new Uint8Array(0);

/** So many zero bytes, which nobody else has or ever gets. Their `buffer` is shared with others. */
export function freshBytes(length: number): Uint8Array {
  if (length > LARGEST) return new Uint8Array(length);
  if (next + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    next = 0;
  }
  next += length;
  return slab.subarray(next - length, next);
}

/** A copy that nobody else has. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length > LARGEST) return bytes.slice();
  const out = freshBytes(bytes.length);
  out.set(bytes);
  return out;
}
