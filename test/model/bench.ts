/**
 * A hand-written driver for tests of the model. It shares nothing with the suite's harness and little with `wire`, so
 * that a mistake on both sides would have to be made twice: offsets and numbers are written out here.
 */
import type { Behaviours } from '../../src/model/behaviours.js';
import { Model } from '../../src/model/model.js';
import { DEFAULT_MODEL_CONFIG, diskConfig, type ModelConfig } from '../../src/model/model-config.js';

export interface Piece {
  readonly iova: bigint;
  readonly bytes: Uint8Array;
}

const BAR0 = 0xfeb0_0000;
const BAR4 = 0xfec0_0000;
const POISON = 0xa5;

/** Bytes from a text like `12 00 00 00 24 00`. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

export function le(value: number | bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, at) => Number((BigInt(value) >> BigInt(8 * at)) & 0xffn));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

interface Capability {
  readonly bar: number;
  readonly offset: number;
  readonly length: number;
  readonly at: number;
}

/** One virtqueue of the driver, split format. */
export class TestQueue {
  readonly index: number;
  readonly size: number;
  readonly desc: Piece;
  readonly avail: Piece;
  readonly used: Piece;
  nextDesc = 0;
  seen = 0;

  constructor(index: number, size: number, areas: { desc: Piece; avail: Piece; used: Piece }) {
    this.index = index;
    this.size = size;
    this.desc = areas.desc;
    this.avail = areas.avail;
    this.used = areas.used;
  }

  /** With each area somewhere else. */
  static scattered(bench: Bench, index: number, size: number): TestQueue {
    return new TestQueue(index, size, {
      desc: bench.alloc(16 * size, 16),
      avail: bench.alloc(6 + 2 * size, 2),
      used: bench.alloc(6 + 8 * size, 4),
    });
  }

  /** In one block that begins at a multiple of `page`, the used ring at the next multiple of `align`. */
  static contiguous(bench: Bench, index: number, size: number, page: number, align: number): TestQueue {
    const used = Math.ceil((18 * size + 6) / align) * align;
    const block = bench.alloc(used + 8 * size + 6, page);
    const part = (from: number, length: number): Piece => ({
      iova: block.iova + BigInt(from),
      bytes: block.bytes.subarray(from, from + length),
    });
    return new TestQueue(index, size, {
      desc: part(0, 16 * size),
      avail: part(16 * size, 6 + 2 * size),
      used: part(used, 6 + 8 * size),
    });
  }

  get availView(): DataView {
    return new DataView(this.avail.bytes.buffer, this.avail.bytes.byteOffset, this.avail.bytes.length);
  }

  get usedView(): DataView {
    return new DataView(this.used.bytes.buffer, this.used.bytes.byteOffset, this.used.bytes.length);
  }

  get usedIdx(): number {
    return this.usedView.getUint16(2, true);
  }

  /** Writes descriptor `index`. */
  describe(index: number, addr: bigint, len: number, flags: number, next: number): void {
    this.desc.bytes.set(concat(le(addr, 8), le(len, 4), le(flags, 2), le(next, 2)), 16 * index);
  }

  /** Makes a head available without telling the device. */
  publish(head: number): void {
    const idx = this.availView.getUint16(2, true);
    this.availView.setUint16(4 + 2 * (idx % this.size), head, true);
    this.availView.setUint16(2, (idx + 1) & 0xffff, true);
  }
}

export interface Sent {
  readonly head: number;
  /** The writable pieces in one run. */
  in(): Uint8Array;
  /** Whether the used ring returned it, and with which length. */
  used(): number | undefined;
}

export interface Reply {
  readonly len: number;
  readonly senseLen: number;
  readonly residual: number;
  readonly status: number;
  readonly response: number;
  readonly sense: Uint8Array;
  readonly data: Uint8Array;
}

export class Bench {
  /** The scratch disk of the default configuration. */
  static readonly disk = diskConfig(0, 0, 'VSCSI-SCRATCH-0');
  readonly model: Model;
  readonly queues = new Map<number, TestQueue>();
  readonly #fill: number[];
  #turn = 0;
  readonly caps = new Map<number, Capability>();
  multiplier = 0;
  msixAt = 0;

  constructor(
    options: { config?: Partial<ModelConfig>; adjust?: (b: Behaviours) => void; seed?: number } = {},
  ) {
    const config = { ...DEFAULT_MODEL_CONFIG, regions: [0x40000, 0x40000], ...options.config };
    this.model = new Model(config, options.seed ?? 1, options.adjust);
    this.#fill = this.model.memory.regions.map(() => 0);
    this.place();
  }

  /** Assigns the BARs, switches memory decoding and bus mastering on, and walks the capability list. */
  place(): void {
    this.cfg(0x10, 4, BAR0);
    this.cfg(0x20, 4, BAR4);
    this.cfg(0x24, 4, 0);
    this.cfg(0x04, 2, 0x0006);
    this.caps.clear();
    for (let at = this.cfg(0x34, 1); at !== 0; at = this.cfg(at + 1, 1)) {
      if (this.cfg(at, 1) === 0x11) this.msixAt = at;
      if (this.cfg(at, 1) !== 0x09) continue;
      this.caps.set(this.cfg(at + 3, 1), {
        bar: this.cfg(at + 4, 1),
        offset: this.cfg(at + 8, 4),
        length: this.cfg(at + 12, 4),
        at,
      });
      if (this.cfg(at + 3, 1) === 2) this.multiplier = this.cfg(at + 16, 4);
    }
  }

  /** Reads configuration space, or writes it when a value is given. */
  cfg(offset: number, width: 1 | 2 | 4, value?: number): number {
    if (value === undefined) return this.model.function.config.read(offset, width);
    this.model.function.config.write(offset, width, value);
    return value;
  }

  /** Reads or writes in the structure of that cfg_type. */
  reg(type: number, offset: number, width: 1 | 2 | 4, value?: number): number {
    const address = BigInt(BAR4 + (this.caps.get(type)?.offset ?? 0) + offset);
    if (value === undefined) return this.model.function.busRead('memory', address, width);
    this.model.function.busWrite('memory', address, width, value);
    return value;
  }

  common(offset: number, width: 1 | 2 | 4, value?: number): number {
    return this.reg(1, offset, width, value);
  }

  msixTable(offset: number, value: number): void {
    this.model.function.busWrite('memory', BigInt(BAR0 + offset), 4, value);
  }

  pendingBits(): number {
    return this.model.function.busRead('memory', BigInt(BAR0 + (this.cfg(this.msixAt + 8, 4) & ~7)), 4);
  }

  get status(): number {
    return this.common(20, 1);
  }

  alloc(size: number, align = 1): Piece {
    const index = this.#turn++ % this.#fill.length;
    const region = this.model.memory.regions[index];
    if (region === undefined) throw new Error('no region');
    const free = region.iova + BigInt(this.#fill[index] ?? 0);
    const step = BigInt(align);
    const offset = Number(((free + step - 1n) / step) * step - region.iova);
    if (offset + size > region.bytes.length) throw new Error('the memory of the bench is used up');
    this.#fill[index] = offset + size;
    return {
      iova: region.iova + BigInt(offset),
      bytes: region.bytes.subarray(offset, offset + size),
    };
  }

  place64(bytes: Uint8Array, align = 1): Piece {
    const piece = this.alloc(bytes.length, align);
    piece.bytes.set(bytes);
    return piece;
  }

  /** Feature bits of the first two windows. */
  get offered(): bigint {
    this.common(0, 4, 0);
    const low = BigInt(this.common(4, 4));
    this.common(0, 4, 1);
    return low | (BigInt(this.common(4, 4)) << 32n);
  }

  negotiate(features: bigint): void {
    this.common(20, 1, 0);
    this.common(20, 1, 1);
    this.common(20, 1, 3);
    for (const window of [0, 1]) {
      this.common(8, 4, window);
      this.common(12, 4, Number((features >> BigInt(32 * window)) & 0xffffffffn));
    }
    this.common(20, 1, 0x0b);
  }

  setUpQueue(index: number, size = 16, vector = 0xffff): void {
    const queue = TestQueue.scattered(this, index, size);
    this.queues.set(index, queue);
    this.common(22, 2, index);
    this.common(24, 2, size);
    this.common(26, 2, vector);
    for (const [offset, piece] of [
      [32, queue.desc],
      [40, queue.avail],
      [48, queue.used],
    ] as const) {
      this.common(offset, 4, Number(piece.iova & 0xffffffffn));
      this.common(offset + 4, 4, Number(piece.iova >> 32n));
    }
    this.common(28, 2, 1);
  }

  /** VERSION_1 and what is asked for beside it. */
  start(features = 0n, size = 16): this {
    this.negotiate((1n << 32n) | features);
    for (const index of [0, 1, 2, 3]) this.setUpQueue(index, size);
    this.common(20, 1, 0x0f);
    return this;
  }

  queue(index: number): TestQueue {
    const queue = this.queues.get(index);
    if (queue === undefined) throw new Error(`no queue ${index}`);
    return queue;
  }

  kick(index: number): void {
    this.common(22, 2, index);
    this.reg(2, this.common(30, 2) * this.multiplier, 2, index);
  }

  /** Publishes a chain of pieces: readable ones with their bytes, writable ones by their lengths. */
  send(
    index: number,
    out: readonly Uint8Array[],
    writable: readonly number[],
    options: { indirect?: boolean; kick?: boolean } = {},
  ): Sent {
    const queue = this.queue(index);
    const inputs = writable.map((length) => this.place64(new Uint8Array(length).fill(POISON)));
    const pieces = [
      ...out.map((bytes) => ({ piece: this.place64(bytes), flags: 0 })),
      ...inputs.map((piece) => ({ piece, flags: 2 })),
    ];
    const first = queue.nextDesc;
    const at = (step: number) => (options.indirect ? step : (first + step) % queue.size);
    const table = concat(
      ...pieces.map(({ piece, flags }, step) => {
        const more = step + 1 < pieces.length;
        return concat(
          le(piece.iova, 8),
          le(piece.bytes.length, 4),
          le(flags | (more ? 1 : 0), 2),
          le(more ? at(step + 1) : 0, 2),
        );
      }),
    );
    if (options.indirect) {
      queue.describe(first, this.place64(table, 16).iova, table.length, 4, 0);
      queue.nextDesc = (first + 1) % queue.size;
    } else {
      for (let step = 0; step < pieces.length; step++)
        queue.desc.bytes.set(table.subarray(16 * step, 16 * step + 16), 16 * at(step));
      queue.nextDesc = at(pieces.length);
    }
    queue.publish(first);
    if (options.kick !== false) this.kick(index);
    return {
      head: first,
      in: () => concat(...inputs.map((piece) => piece.bytes)),
      used: () => {
        const view = queue.usedView;
        for (let slot = 0; slot < queue.size; slot++)
          if (slot < queue.usedIdx && view.getUint32(4 + 8 * slot, true) === first)
            return view.getUint32(8 + 8 * slot, true);
        return undefined;
      },
    };
  }

  /** The 51-byte request header. */
  static request(
    cdb: string,
    options: { lun?: string; tag?: bigint; cdbSize?: number; attr?: number } = {},
  ): Uint8Array {
    const bytes = hex(cdb);
    const padded = new Uint8Array(options.cdbSize ?? 32);
    padded.set(bytes.subarray(0, padded.length));
    return concat(
      hex(options.lun ?? '01 00 00 00 00 00 00 00'),
      le(options.tag ?? 1n, 8),
      Uint8Array.of(options.attr ?? 0, 0, 0),
      padded,
    );
  }

  /** Sends a command and decodes its answer; throws when it does not come back. */
  command(
    cdb: string,
    options: { lun?: string; dataOut?: Uint8Array; dataIn?: number; queue?: number; tag?: bigint } = {},
  ): Reply {
    const out = [Bench.request(cdb, options), ...(options.dataOut ? [options.dataOut] : [])];
    const sent = this.send(options.queue ?? 2, out, [108, ...(options.dataIn ? [options.dataIn] : [])]);
    return Bench.reply(sent);
  }

  static reply(sent: Sent, senseSize = 96): Reply {
    const len = sent.used();
    if (len === undefined) throw new Error('the request was not returned');
    const bytes = sent.in();
    const view = new DataView(bytes.buffer);
    return {
      len,
      senseLen: view.getUint32(0, true),
      residual: view.getUint32(4, true),
      status: view.getUint8(10),
      response: view.getUint8(11),
      sense: bytes.slice(12, 12 + senseSize),
      data: bytes.slice(12 + senseSize),
    };
  }

  /** Clears the unit attention of power on. */
  ready(lun = '01 00 00 00 00 00 00 00'): this {
    this.command('00 00 00 00 00 00', { lun });
    return this;
  }
}

/** `5/24/00` of fixed format sense data. */
export function triple(sense: Uint8Array): string {
  const byte = (at: number) => (sense[at] ?? 0).toString(16).padStart(2, '0');
  return `${((sense[2] ?? 0) & 0xf).toString(16)}/${byte(12)}/${byte(13)}`;
}
