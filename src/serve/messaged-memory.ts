/** Memory of the suite's for a model that is driven from elsewhere: what it reads and writes goes by DMA messages. */
import { type Aside, addressText, MOST_DATA_BYTES } from '../duts/remote/protocol.js';
import { DmaFault } from '../model/errors.js';
import type { MemoryRegion, ModelMemory } from '../model/memory.js';

/** Says an aside; the other end's answer to one that reads. */
export type SayAside = (aside: Aside) => Readonly<Record<string, unknown>> | undefined;

/** What is fetched and compared at once. */
const PAGE = 4096;
const MOST_PAGES = MOST_DATA_BYTES / PAGE;

/** A region that is held here as it was when the model last looked. */
interface Mirror {
  readonly region: MemoryRegion;
  /** By page number, what the other end has; pages that the model has never looked at are not there. */
  readonly theirs: Map<number, Buffer>;
  /** Pages that need not be fetched again for this question. */
  readonly fresh: Set<number>;
  /** Pages that the model has kept. */
  readonly kept: Set<number>;
}

/**
 * Whatever the model looks at is fetched once for each question of the suite's, what it has kept at the beginning of
 * each; and what it has changed is written back before the answer. The suite waits meanwhile, and changes nothing.
 */
export class MessagedMemory {
  readonly #mirrors: readonly Mirror[];
  readonly #say: SayAside;

  /** Takes the place of the model's memory. */
  constructor(memory: ModelMemory, regions: readonly { base: number; size: number }[], say: SayAside) {
    this.#say = say;
    this.#mirrors = regions.map(({ base, size }) => ({
      region: { iova: BigInt(base), bytes: Buffer.alloc(size) },
      theirs: new Map(),
      fresh: new Set(),
      kept: new Set(),
    }));
    memory.replace(this.#mirrors.map(({ region }) => region));
    memory.onAccess = (iova, length, kept) => this.#fetch(iova, length, kept);
  }

  /** Fetches what the model looks at without saying so: the rings. */
  begin(): void {
    for (const mirror of this.#mirrors) {
      const pages = [...mirror.kept].sort((a, b) => a - b);
      for (let at = 0; at < pages.length; ) {
        const from = pages[at] ?? 0;
        let to = from;
        while (pages[at] === to && to - from < MOST_PAGES) {
          to++;
          at++;
        }
        this.#fetchPages(mirror, from, to);
      }
    }
  }

  /** Writes back what the model has changed. */
  finish(): void {
    for (const mirror of this.#mirrors)
      for (const page of mirror.theirs.keys()) this.#writeBack(mirror, page);
    for (const { fresh } of this.#mirrors) fresh.clear();
  }

  #fetch(iova: bigint, length: number, kept: boolean): void {
    const mirror = this.#mirrors.find(
      ({ region }) => iova >= region.iova && iova < region.iova + BigInt(region.bytes.length),
    );
    if (mirror === undefined || length === 0) return;
    const offset = Number(iova - mirror.region.iova);
    const end = Math.ceil((offset + length) / PAGE);
    let from = Math.floor(offset / PAGE);
    while (from < end) {
      let to = from;
      while (to < end && to - from < MOST_PAGES && !mirror.fresh.has(to)) to++;
      if (to > from) this.#fetchPages(mirror, from, to);
      from = Math.max(to, from + 1);
    }
    if (kept) for (let page = Math.floor(offset / PAGE); page < end; page++) mirror.kept.add(page);
  }

  /** Throws DmaFault where the other end has no such memory. */
  #fetchPages(mirror: Mirror, from: number, to: number): void {
    const { region, theirs, fresh } = mirror;
    // The model may have kept a piece of a page from an earlier question, and have written to it.
    for (let page = from; page < to; page++) this.#writeBack(mirror, page);
    const iova = region.iova + BigInt(from * PAGE);
    const length = (to - from) * PAGE;
    const { data } = this.#say({ dma: 'read', address: addressText(iova), length }) ?? {};
    const bytes = typeof data === 'string' ? Buffer.from(data, 'hex') : Buffer.alloc(0);
    if (bytes.length !== length) throw new DmaFault(iova, length);
    region.bytes.set(bytes, from * PAGE);
    for (let page = from; page < to; page++) {
      theirs.set(page, Buffer.from(bytes.subarray((page - from) * PAGE, (page - from + 1) * PAGE)));
      fresh.add(page);
    }
  }

  #writeBack({ region, theirs }: Mirror, page: number): void {
    const before = theirs.get(page);
    const now = Buffer.from(region.bytes.buffer, region.bytes.byteOffset + page * PAGE, PAGE);
    if (before === undefined || before.equals(now)) return;
    for (const [from, to] of changedRuns(before, now))
      this.#say({
        dma: 'write',
        address: addressText(region.iova + BigInt(page * PAGE + from)),
        data: now.toString('hex', from, to),
      });
    before.set(now);
  }
}

/** Where two pieces of the same length differ: from, and up to. */
function* changedRuns(before: Uint8Array, now: Uint8Array): Generator<readonly [number, number]> {
  for (let from = 0; from < now.length; from++) {
    if (now[from] === before[from]) continue;
    let to = from + 1;
    while (to < now.length && now[to] !== before[to]) to++;
    yield [from, to];
    from = to;
  }
}
