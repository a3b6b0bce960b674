/** The memory of a remote device: a file that both ends map, memory of the device's own, or memory of the suite's. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import type { DmaBlock } from '../../port/dma-space.js';
import { PortError } from '../../port/errors.js';
import { libc, type Mapping } from '../../sys/libc.js';
import { GuestMemory, type GuestRegion, HeldMemory } from '../guest-memory.js';
import type { RemoteChannel } from './channel.js';
import { type Aside, addressText, type Hello, MOST_DATA_BYTES } from './protocol.js';

const MIB = 2 ** 20;
/** What offsets of mappings are multiples of. */
const PAGE = 4096;
/** Where the suite's own memory is for the device: below and above 4 GiB. */
export const OWN_REGIONS: readonly GuestRegion[] = [
  { base: 16 * MIB, size: 32 * MIB, fileOffset: 0 },
  { base: 2 ** 32, size: 32 * MIB, fileOffset: 0 },
];

/** Memory, and what it does about DMA messages. */
export interface RemoteMemory {
  readonly dma: GuestMemory;
  /** Does what a DMA message says, and returns the answer to one that reads. */
  answer(aside: Extract<Aside, { dma: unknown }>): object | undefined;
  /** Gives pages back; the mappings outlive their views. */
  close(): void;
}

/** The memory that `hello` tells of. Throws PortError. */
export function remoteMemory({ memory }: Hello, channel: RemoteChannel): RemoteMemory {
  if (memory === undefined) return ownMemory();
  const regions = memory.regions.map((region) => regionOf(region));
  refuseOverlap(regions);
  const noMessages = () => {
    throw new PortError(
      'PORT_PROTOCOL',
      'the device has memory that both ends reach, and asks for DMA by messages',
    );
  };
  if (memory.file === undefined)
    return {
      dma: new GuestMemory(regions, (iova, size) => new HeldBlock(iova, size, channel), false),
      answer: noMessages,
      close: () => {},
    };
  const mappings: Mapping[] = [];
  const fd = openMemory(memory.file, regions);
  try {
    const dma = GuestMemory.mapped(regions, ({ fileOffset, size }) => {
      const mapping = libc().mapShared(fd, fileOffset, size);
      mappings.push(mapping);
      return mapping;
    });
    const close = () => {
      for (const mapping of mappings) mapping.discard();
    };
    return { dma, answer: noMessages, close };
  } finally {
    closeSync(fd);
  }
}

/** The file of the regions, all of which lie in it: touching a page beyond its end would end this process. */
function openMemory(file: string, regions: readonly GuestRegion[]): number {
  let fd: number;
  try {
    fd = openSync(file, 'r+');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PortError('PORT_SETUP', `the memory file of the device cannot be opened: ${reason}`);
  }
  const { size } = fstatSync(fd);
  const wrong = regions.find(
    ({ fileOffset, size: wanted }) => fileOffset + wanted > size || fileOffset % PAGE !== 0,
  );
  if (wrong === undefined) return fd;
  closeSync(fd);
  throw new PortError(
    'PORT_SETUP',
    `the memory file of the device has ${size} bytes; a region of ${wrong.size} bytes at ${wrong.fileOffset} has to lie in it, from a multiple of ${PAGE} on`,
  );
}

/** Two blocks must not be one memory. */
function refuseOverlap(regions: readonly GuestRegion[]): void {
  const sorted = [...regions].sort((a, b) => a.base - b.base);
  for (const [index, { base, size }] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next !== undefined && next.base < base + size)
      throw new PortError(
        'PORT_SETUP',
        `the memory regions at ${addressText(base)} and ${addressText(next.base)} overlap`,
      );
  }
}

function regionOf({ base, size, offset = 0 }: NonNullable<Hello['memory']>['regions'][number]): GuestRegion {
  const address = Number(base);
  if (!Number.isSafeInteger(address) || !Number.isSafeInteger(address + size))
    throw new PortError(
      'PORT_SETUP',
      `a memory region at ${base} is beyond what the suite can address (2^53)`,
    );
  return { base: address, size, fileOffset: offset };
}

/** Memory in this process, which the device reads and writes by messages. */
function ownMemory(): RemoteMemory {
  const held = new HeldMemory(OWN_REGIONS, ({ size }) => ({ bytes: Buffer.alloc(size) }));
  return {
    dma: held.dma,
    answer(aside) {
      if (aside.dma === 'write') {
        const data = Buffer.from(aside.data, 'hex');
        held.at(Number(aside.address), data.length)?.set(data);
        return undefined;
      }
      const { address, length } = aside;
      const bytes = held.at(Number(address), length);
      return bytes === undefined
        ? { error: `no memory at ${address}` }
        : { data: Buffer.from(bytes).toString('hex') };
    },
    close: () => {},
  };
}

/** A block of memory that the device holds, with a copy here. */
class HeldBlock implements DmaBlock {
  readonly iova: bigint;
  readonly size: number;
  readonly view: Uint8Array;
  readonly #channel: RemoteChannel;
  readonly #bytes: Buffer;

  constructor(iova: number, size: number, channel: RemoteChannel) {
    this.iova = BigInt(iova);
    this.size = size;
    this.#bytes = Buffer.alloc(size);
    this.view = this.#bytes;
    this.#channel = channel;
    this.publish();
  }

  publish(offset = 0, length = this.size - offset): void {
    this.#eachPiece(offset, length, (start, end) => {
      const address = addressText(this.iova + BigInt(start));
      this.#channel.ask({ op: 'memory-write', address, data: this.#bytes.toString('hex', start, end) });
    });
  }

  fetch(offset = 0, length = this.size - offset): void {
    this.#eachPiece(offset, length, (start, end) => {
      const address = addressText(this.iova + BigInt(start));
      const { data } = this.#channel.ask({ op: 'memory-read', address, length: end - start });
      const got = typeof data === 'string' ? Buffer.from(data, 'hex') : Buffer.alloc(0);
      if (got.length !== end - start)
        throw new PortError('PORT_PROTOCOL', `memory-read of ${end - start} bytes: got ${got.length} bytes`);
      got.copy(this.#bytes, start);
    });
  }

  #eachPiece(offset: number, length: number, move: (start: number, end: number) => void): void {
    const end = offset + length;
    if (offset < 0 || length < 0 || end > this.size)
      throw new RangeError(`${length} bytes at ${offset} are not within a block of ${this.size}`);
    for (let start = offset; start < end; start += MOST_DATA_BYTES)
      move(start, Math.min(start + MOST_DATA_BYTES, end));
  }
}
