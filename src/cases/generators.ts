/** Generated contents of buffers. Both are functions of their arguments alone, so that they can be checked later. */

/** Of one record of a stamped block. */
const RECORD_BYTES = 16;

/**
 * Blocks that carry their own address: every 16 bytes hold the block address (8, big-endian), the seed (4) and the
 * offset within the block (4). A block in the wrong place, or a piece of one, shows by itself.
 */
export function stampBytes(seed: bigint, lba: bigint, blockSize: number, length: number): Uint8Array {
  // The last record may not be whole.
  const view = new DataView(new ArrayBuffer(length + RECORD_BYTES));
  const seedWord = Number(BigInt.asUintN(32, seed));
  for (let start = 0; start < length; start += blockSize) {
    const address = BigInt.asUintN(64, lba + BigInt(start / blockSize));
    const [high, low] = [Number(address >> 32n), Number(BigInt.asUintN(32, address))];
    const end = Math.min(start + blockSize, length);
    for (let at = start; at < end; at += RECORD_BYTES) {
      view.setUint32(at, high);
      view.setUint32(at + 4, low);
      view.setUint32(at + 8, seedWord);
      view.setUint32(at + 12, at - start);
    }
  }
  return new Uint8Array(view.buffer, 0, length);
}

/** The splitmix64 sequence; also the source of `sample`. */
export function splitmix64(seed: bigint): () => bigint {
  let state = BigInt.asUintN(64, seed);
  return () => {
    state = BigInt.asUintN(64, state + 0x9e37_79b9_7f4a_7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
    return z ^ (z >> 31n);
  };
}

/** A byte stream: sfc32, seeded by splitmix64. */
export function prngBytes(seed: bigint, length: number): Uint8Array {
  const next = splitmix64(seed);
  const word = () => Number(BigInt.asIntN(32, next()));
  let a = word();
  let b = word();
  let c = word();
  let counter = 1;
  const out = new Uint8Array(length);
  for (let at = 0; at < length; at += 4) {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    for (let byte = 0; byte < 4 && at + byte < length; byte++) out[at + byte] = t >>> (8 * byte);
  }
  return out;
}

/** CRC-16/T10-DIF of a block: polynomial 8BB7h, nothing reflected, initially 0. */
export function crc16T10Dif(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x8bb7 : 0)) & 0xffff;
  }
  return crc;
}

/** Protection information of type 1 for whole blocks: guard, application tag, low half of the block address. */
export function protectionBytes(
  data: Uint8Array,
  lba: bigint,
  blockSize: number,
  applicationTag: number,
): Uint8Array {
  const blocks = Math.floor(data.length / blockSize);
  const view = new DataView(new ArrayBuffer(blocks * 8));
  for (let block = 0; block < blocks; block++) {
    view.setUint16(block * 8, crc16T10Dif(data.subarray(block * blockSize, (block + 1) * blockSize)));
    view.setUint16(block * 8 + 2, applicationTag);
    view.setUint32(block * 8 + 4, Number(BigInt.asUintN(32, lba + BigInt(block))));
  }
  return new Uint8Array(view.buffer);
}
