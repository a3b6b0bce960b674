/** Gathers the elements of one descriptor list and holds them to the rules of both formats. */
import { DriverError, type Fault } from '../errors.js';
import type { ModelMemory } from '../memory.js';
import { Chain } from './chain.js';

/** A list may not hold more than 2^32 bytes ("The Virtqueue Descriptor Table"). */
const MAX_BYTES = 2 ** 32;

/** One descriptor list in the making. Every mistake of the driver throws a `DriverError`. */
export class ChainBuilder {
  readonly #memory: ModelMemory;
  readonly #limit: number;
  readonly #where: string;
  readonly #readable: Uint8Array[] = [];
  readonly #writable: Uint8Array[] = [];
  readonly #tables: Uint8Array[] = [];
  #bytes = 0;

  /** `limit` is the largest number of elements, `where` begins the message of a mistake. */
  constructor(memory: ModelMemory, limit: number, where: string) {
    this.#memory = memory;
    this.#limit = limit;
    this.#where = where;
  }

  /** Appends the element that a descriptor names. */
  add(addr: bigint, len: number, write: boolean): void {
    if (this.#readable.length + this.#writable.length >= this.#limit)
      throw this.wrong(`more than ${this.#limit} descriptors`, 'count');
    if (!write && this.#writable.length > 0)
      throw this.wrong('a readable descriptor follows a writable one', 'order');
    this.#bytes += len;
    if (this.#bytes > MAX_BYTES) throw this.wrong('more than 2^32 bytes', 'bytes');
    // An empty piece names no memory, so its address is not looked at; it still counts as a cut.
    (write ? this.#writable : this.#readable).push(
      len === 0 ? new Uint8Array(0) : this.#memory.at(addr, len),
    );
  }

  /** The memory of an indirect table of entries of `entrySize` bytes. */
  table(addr: bigint, len: number, entrySize: number): Uint8Array {
    if (len === 0 || len % entrySize !== 0)
      throw this.wrong(`an indirect table of ${len} bytes`, 'indirect-length');
    const table = this.#memory.at(addr, len);
    this.#tables.push(table);
    return table;
  }

  wrong(what: string, fault: Fault): DriverError {
    return new DriverError(`${this.#where}: ${what}`, fault);
  }

  /** The finished chain. */
  build(id: number, slots: number): Chain {
    return new Chain(id, slots, this.#readable, this.#writable, this.#tables);
  }
}
