/** The driver's part of the event queue: buffers kept with the device, and what it reported in them. */
import type { DmaSpace } from '../port/dma-space.js';
import { copyOf } from '../wire/fresh-bytes.js';
import { virtioScsiEvent } from '../wire/virtio-scsi.js';
import { GuardedBuffer } from './guarded-buffer.js';
import type { Poison } from './poison.js';
import type { Chain, Ring } from './ring.js';

/** The largest buffer that a device is given, whatever it asks for. */
const MOST = 4096;

/** An event that the device reported. */
export interface ReportedEvent {
  readonly event: number;
  readonly lun: Uint8Array;
  readonly reason: number;
  /** Undefined where the ring does not tell. */
  readonly usedLen: number | undefined;
  /** The buffer as it came back, and what it held before. */
  readonly bytes: Uint8Array;
  readonly poison: Uint8Array;
}

export class EventBuffers {
  readonly #dma: DmaSpace;
  readonly #poison: Poison;
  readonly #held = new Map<Chain, GuardedBuffer>();
  readonly #reported: ReportedEvent[] = [];
  #size: number = virtioScsiEvent.size;

  constructor(dma: DmaSpace, poison: Poison) {
    this.#dma = dma;
    this.#poison = poison;
  }

  /** Events that nobody has taken yet. */
  get waiting(): number {
    return this.#reported.length;
  }

  /** The oldest event that nobody has taken yet. */
  next(): ReportedEvent | undefined {
    return this.#reported.shift();
  }

  /** Takes the event that came in a buffer of a case, and that nobody has taken yet. */
  withdraw(bytes: Uint8Array): ReportedEvent | undefined {
    const at = this.#reported.findIndex((event) => event.bytes === bytes);
    return at < 0 ? undefined : this.#reported.splice(at, 1)[0];
  }

  /**
   * Buffers are as large as the device says that it fills at most (event_info_size), within reason: a device may return
   * a smaller one at once, without an event.
   */
  sizeBy(eventInfoSize: number): void {
    this.#size = Math.min(Math.max(eventInfoSize, virtioScsiEvent.size), MOST);
  }

  /** Makes `count` buffers available, as far as the ring has room. Whether there is anything to notify of. */
  post(ring: Ring, count: number): boolean {
    const room = ring.size - ring.outstanding;
    const chains = Array.from({ length: Math.min(count, room) }, () => this.#stage(ring));
    if (chains.length > 0) ring.publish(chains);
    return chains.length > 0;
  }

  /** Takes a buffer that came back; whether it is one of these. Its event is noted. */
  take(chain: Chain, usedLen: number | undefined): boolean {
    const buffer = this.#held.get(chain);
    if (buffer === undefined) return false;
    this.#held.delete(chain);
    buffer.fetch();
    this.note(copyOf(buffer.view), buffer.initial, usedLen);
    return true;
  }

  /** Notes what came in a buffer, of a case or of these. */
  note(bytes: Uint8Array, poison: Uint8Array, usedLen: number | undefined): void {
    if (bytes.length < virtioScsiEvent.size) return;
    this.#reported.push({ ...virtioScsiEvent.read(bytes), usedLen, bytes, poison });
  }

  /** The device has no buffers any more. */
  takenBack(): void {
    this.#held.clear();
  }

  /** What was reported before does not count any more. */
  forget(): void {
    this.#reported.length = 0;
  }

  #stage(ring: Ring): Chain {
    const buffer = new GuardedBuffer(this.#dma, this.#poison, this.#poison.take(this.#size));
    const chain = ring.stage([{ iova: buffer.iova, length: buffer.size, writable: true }], undefined);
    this.#held.set(chain, buffer);
    return chain;
  }
}
