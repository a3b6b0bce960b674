/**
 * The kernel inside a bzImage. QEMU boots an uncompressed kernel by its PVH entry, which spares the guest the
 * decompression: seconds where instructions are translated.
 */
import { gunzipSync } from 'node:zlib';

/** Offsets in the set-up header of "The Linux/x86 Boot Protocol". */
const SETUP_SECTORS = 0x1f1;
const HEADER_MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR = 512;
/** For 0 read 4. */
const LEAST_SETUP_SECTORS = 4;

/** By which program a payload that begins so is decompressed; what is appended to it is left away. */
const COMPRESSIONS: readonly {
  readonly magic: string;
  readonly by: 'gzip' | readonly string[];
  /** Bytes after the payload: the length of the kernel, which these programs do not expect. */
  readonly trailer: number;
}[] = [
  { magic: 'fd377a585a00', by: ['xz', '-dc'], trailer: 4 },
  { magic: '1f8b', by: 'gzip', trailer: 0 },
  { magic: '28b52ffd', by: ['zstd', '-qdc'], trailer: 4 },
  { magic: '02214c18', by: ['lz4', '-dc'], trailer: 4 },
];

const ELF = '7f454c46';

/** Runs a program on some input, for its output. */
export type Filter = (command: readonly string[], input: Uint8Array) => Uint8Array;

/** The ELF file in a bzImage. Throws an `Error` that says why there is none to be had. */
export function vmlinuxOf(image: Buffer, filter: Filter): Uint8Array {
  if (
    image.length < PAYLOAD_LENGTH + 4 ||
    image.toString('latin1', HEADER_MAGIC, HEADER_MAGIC + 4) !== 'HdrS'
  )
    throw new Error('this is no bzImage');
  const setup = (image[SETUP_SECTORS] || LEAST_SETUP_SECTORS) + 1;
  const start = setup * SECTOR + image.readUInt32LE(PAYLOAD_OFFSET);
  const payload = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH));
  const compression = COMPRESSIONS.find(
    ({ magic }) => payload.toString('hex', 0, magic.length / 2) === magic,
  );
  if (compression === undefined)
    throw new Error(`the kernel is compressed in an unknown way: ${payload.toString('hex', 0, 8)}`);
  const { by, trailer } = compression;
  const kernel =
    by === 'gzip' ? gunzipSync(payload) : filter(by, payload.subarray(0, payload.length - trailer));
  if (Buffer.from(kernel.subarray(0, 4)).toString('hex') !== ELF)
    throw new Error('what was compressed is no ELF file');
  return kernel;
}
