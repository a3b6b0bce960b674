/** A hand-written driver's side of a packed virtqueue, with offsets and flags written out. */
import { type Bench, concat, hex, le, type Piece } from './bench.js';

const NEXT = 1;
const WRITE = 2;
export const INDIRECT = 4;
const AVAIL = 1 << 7;
const USED = 1 << 15;

export const RING_PACKED = 1n << 34n;

export interface Element {
  readonly piece: Piece;
  readonly write: boolean;
}

export interface UsedDescriptor {
  readonly id: number;
  readonly len: number;
  readonly flags: number;
}

/** Queue of any size; descriptors are placed one after the other, used ones taken in order. */
export class PackedQueue {
  readonly size: number;
  readonly index: number;
  readonly desc: Piece;
  readonly driver: Piece;
  readonly device: Piece;
  /** Next descriptor to fill, and the next at which a used one is awaited, counted without end. */
  next = 0;
  seen = 0;
  /** Descriptors of each buffer by its id. */
  readonly lists = new Map<number, number>();
  readonly #bench: Bench;

  constructor(bench: Bench, index: number, size: number) {
    this.#bench = bench;
    this.index = index;
    this.size = size;
    this.desc = bench.alloc(16 * size, 16);
    this.driver = bench.alloc(4, 4);
    this.device = bench.alloc(4, 4);
    this.program();
  }

  /** Tells the device where the queue is, and enables it. */
  program(vector = 0xffff): void {
    const { common } = { common: this.#bench.common.bind(this.#bench) };
    common(22, 2, this.index);
    common(24, 2, this.size);
    common(26, 2, vector);
    for (const [offset, { iova }] of [
      [32, this.desc],
      [40, this.driver],
      [48, this.device],
    ] as const) {
      common(offset, 4, Number(iova & 0xffffffffn));
      common(offset + 4, 4, Number(iova >> 32n));
    }
    common(28, 2, 1);
  }

  wrap(position: number): boolean {
    return Math.floor(position / this.size) % 2 === 0;
  }

  /** Flags of an available descriptor at a position. */
  available(position: number): number {
    return this.wrap(position) ? AVAIL : USED;
  }

  write(position: number, addr: bigint, len: number, id: number, flags: number): void {
    this.desc.bytes.set(
      concat(le(addr, 8), le(len, 4), le(id, 2), le(flags, 2)),
      16 * (position % this.size),
    );
  }

  /** Makes a buffer available: all descriptors but the first, then the first. */
  publish(id: number, elements: readonly Element[]): void {
    const at = this.next;
    for (const step of [...elements.keys()].reverse()) {
      const { piece, write } = elements[step] as Element;
      const more = step + 1 < elements.length;
      this.write(
        at + step,
        piece.iova,
        piece.bytes.length,
        more ? 0xdead : id,
        (more ? NEXT : 0) | (write ? WRITE : 0) | this.available(at + step),
      );
    }
    this.next += elements.length;
    this.lists.set(id, elements.length);
  }

  /** Makes a buffer available by a table; entries hold garbage wherever the device has to ignore it. */
  publishTable(id: number, elements: readonly Element[]): void {
    const table = concat(
      ...elements.map(({ piece, write }) =>
        concat(
          le(piece.iova, 8),
          le(piece.bytes.length, 4),
          le(0xbeef, 2),
          le(write ? WRITE | NEXT : 0x80, 2),
        ),
      ),
    );
    const { iova } = this.#bench.place64(table, 16);
    this.write(this.next, iova, table.length, id, INDIRECT | WRITE | this.available(this.next));
    this.next += 1;
    this.lists.set(id, 1);
  }

  /** The used descriptor at the place where the next one is due; the driver moves on by the buffer that it names. */
  take(): UsedDescriptor | undefined {
    const used = this.at(this.seen);
    const mark = this.wrap(this.seen) ? AVAIL | USED : 0;
    if ((used.flags & (AVAIL | USED)) !== mark) return undefined;
    if (this.next === this.seen) return undefined;
    this.seen += this.lists.get(used.id) ?? 0;
    return used;
  }

  at(position: number): UsedDescriptor {
    const view = new DataView(this.desc.bytes.buffer, this.desc.bytes.byteOffset, this.desc.bytes.length);
    const at = 16 * (position % this.size);
    return {
      len: view.getUint32(at + 8, true),
      id: view.getUint16(at + 12, true),
      flags: view.getUint16(at + 14, true),
    };
  }

  /** The driver's wishes: a place (offset and wrap) and flags. */
  wish(flags: number, position = 0): void {
    const place = (position % this.size) | (this.wrap(position) ? 0x8000 : 0);
    this.driver.bytes.set(concat(le(place, 2), le(flags, 2)));
  }

  /** The device's wishes, as bytes. */
  get wanted(): string {
    return [...this.device.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }
}

/** A live device whose queues are packed, of these sizes. */
export function startPacked(bench: Bench, size: number, features = 0n): PackedQueue[] {
  bench.negotiate((1n << 32n) | RING_PACKED | features);
  const queues = [0, 1, 2, 3].map((index) => new PackedQueue(bench, index, size));
  bench.common(20, 1, 0x0f);
  return queues;
}

/** Elements of an INQUIRY for 36 bytes, cut into `pieces` writable ones. */
export function inquiry(bench: Bench, pieces = 1, lun?: string): Element[] {
  const header = concat(
    hex(lun ?? '01 00 00 00 00 00 00 00'),
    le(1, 8),
    hex('00 00 00'),
    hex('12 00 00 00 24 00'),
    new Uint8Array(26),
  );
  const cuts = Array.from({ length: pieces }, (_, at) =>
    at + 1 < pieces ? Math.floor(144 / pieces) : 144 - (pieces - 1) * Math.floor(144 / pieces),
  );
  return [
    { piece: bench.place64(header), write: false },
    ...cuts.map((length) => ({ piece: bench.alloc(length), write: true })),
  ];
}
