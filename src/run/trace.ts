/** What a case exchanged with the device: as text for people, and beside it as one JSON object a line. */
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { GuardedBuffer } from '../harness/guarded-buffer.js';
import type { Ring } from '../harness/ring.js';
import { bitNames } from '../wire/name-of.js';
import { PackedDescFlag, pvirtqDesc } from '../wire/packed-ring.js';
import { DescFlag, vringDesc } from '../wire/split-ring.js';
import { decodeExchange } from './decode-exchange.js';
import { hexOf, layoutOf, readablePart } from './exchange-bytes.js';
import type { Flight } from './flights.js';
import { resultKey } from './modes.js';
import { SUITE_VERSION } from './package-info.js';
import { RED, type Verdict } from './results.js';
import type { DescriptorRecord, TraceRecord } from './trace-record.js';
import { traceLines } from './trace-text.js';

/** Where traces go, and which are kept. */
export interface TraceChoice {
  readonly folder: string;
  /** `red`: only those of red cases stay. */
  readonly keep: 'all' | 'red';
}

/** What a trace is of. */
export interface TraceSubject {
  readonly id: string;
  readonly mode: string;
  readonly seed: number;
}

/** The name of a trace's files, without `.txt` and `.jsonl`. */
export function traceName(one: { readonly id: string; readonly mode: string }): string {
  return resultKey(one)
    .replaceAll(/[^\w.()[\],-]/g, '_')
    .slice(0, 200);
}

/**
 * The files of one case. Every line is on disk at once: a case that the device does not survive is told to its last
 * deed.
 */
export class CaseTrace {
  readonly #choice: TraceChoice;
  readonly #path: string;
  readonly #text: number;
  readonly #lines: number;
  readonly #numbers = new Map<Flight['exchange'], number>();
  /** Chains that were sent and got no place yet. */
  readonly #unplaced = new Set<Flight['exchange']>();
  #attempts = 0;
  #failure: Error | undefined;
  /** The last access as JSON, and how often it came again. */
  #last: { readonly access: string; times: number } | undefined;

  /** Begins the files, named after the case, in a folder that is made if need be. Throws the file system's error. */
  constructor(choice: TraceChoice, { id, mode, seed }: TraceSubject) {
    this.#choice = choice;
    mkdirSync(choice.folder, { recursive: true });
    this.#path = join(choice.folder, traceName({ id, mode }));
    this.#text = openSync(`${this.#path}.txt`, 'w');
    this.#lines = openSync(`${this.#path}.jsonl`, 'w');
    this.#say({ type: 'trace', schemaVersion: 1, suite: { version: SUITE_VERSION }, case: id, mode, seed });
  }

  /** The case is carried out, for the first time or once more. */
  attempt(): void {
    if (++this.#attempts > 1) this.#say({ type: 'attempt', number: this.#attempts });
    this.#numbers.clear();
    this.#unplaced.clear();
  }

  /** A step begins. */
  step(step: string, kind: string, place: string): void {
    this.#say({ type: 'step', step, kind, place });
  }

  /** A chain is about to be made available on a ring. */
  sent(flight: Flight, ring: Ring): void {
    const { kind, exchange } = flight;
    const { queue, chain, placed } = exchange;
    const layout = layoutOf(flight);
    const number = this.#numbers.size + 1;
    this.#numbers.set(exchange, number);
    if (chain.slots.length === 0) this.#unplaced.add(exchange);
    this.#say({
      type: 'sent',
      exchange: number,
      kind,
      queue,
      // A ring that is filled in order gives a chain its place when it is made available.
      ...(chain.slots.length > 0 && { head: chain.head }),
      ...(layout && { layout }),
      out: placed.out.map(({ initial, iova }) => ({ addr: address(iova), bytes: hexOf(initial) })),
      in: placed.in.map(({ size, iova }) => ({ addr: address(iova), size })),
      descriptors: chain.slots.length === 0 ? [] : descriptorsOf(chain, ring),
      fields: decodeExchange({
        kind,
        queue,
        out: hexOf(readablePart(flight)),
        ...(layout && { layout }),
      }),
    });
  }

  /** A chain lies in its ring; told of those that had no place before. */
  placed({ exchange }: Flight, ring: Ring): void {
    const number = this.#numbers.get(exchange);
    if (number === undefined || !this.#unplaced.delete(exchange)) return;
    const { queue, chain } = exchange;
    const descriptors = descriptorsOf(chain, ring);
    this.#say({ type: 'placed', exchange: number, queue, head: chain.head, descriptors });
  }

  /** A chain came back, or did not. */
  returned(flight: Flight): void {
    const { kind, exchange } = flight;
    const { queue, chain, placed, answer, interrupted, used } = exchange;
    const head = {
      type: 'returned',
      exchange: this.#numbers.get(exchange) ?? 0,
      queue,
      head: chain.head,
    } as const;
    if (answer === undefined) {
      this.#say({ ...head, fields: [] });
      return;
    }
    const { bytes, poison, usedLen } = answer;
    let done = 0;
    const buffers = placed.in.map(({ size, iova }) => {
      const [from, to] = [done, done + size];
      done = to;
      return {
        addr: address(iova),
        bytes: hexOf(bytes.subarray(from, to)),
        untouched: untouched(bytes.subarray(from, to), poison.subarray(from, to)),
      };
    });
    const layout = layoutOf(flight);
    this.#say({
      ...head,
      ...(usedLen !== undefined && { usedLen }),
      ...(used && { usedIndex: used.index }),
      ...(interrupted !== undefined && { interrupt: interrupted }),
      in: buffers,
      fields: decodeExchange({ kind, queue, out: '', in: hexOf(bytes), ...(layout && { layout }) }),
    });
  }

  /** A location was looked at or changed by a step. */
  access(verb: 'read' | 'write', location: string, value: bigint | Uint8Array): void {
    const shown = typeof value === 'bigint' ? `0x${value.toString(16)}` : hexOf(value);
    this.#say({ type: 'access', verb, location, value: shown });
  }

  /** The driver accessed a register or called a back-end; what comes again and again is counted. */
  touched(record: Extract<TraceRecord, { type: 'register' | 'call' }>): void {
    const access = JSON.stringify(record);
    if (this.#last?.access === access) {
      this.#last.times++;
      return;
    }
    this.#say(record);
    this.#last = { access, times: 0 };
  }

  /**
   * Ends the files with the verdict, and takes them away where they are not to be kept. Throws the error of the first
   * line that could not be written.
   */
  end(verdict: Verdict): void {
    this.#say({ type: 'verdict', verdict });
    closeSync(this.#text);
    closeSync(this.#lines);
    if (this.#choice.keep === 'red' && !RED.has(verdict))
      for (const ending of ['txt', 'jsonl']) rmSync(`${this.#path}.${ending}`, { force: true });
    if (this.#failure) throw this.#failure;
  }

  #say(record: TraceRecord): void {
    const times = this.#last?.times ?? 0;
    this.#last = undefined;
    if (times > 0) this.#write({ type: 'repeated', times });
    this.#write(record);
  }

  /** A full disk must not change what the case does: the failure waits for the end. */
  #write(record: TraceRecord): void {
    if (this.#failure) return;
    try {
      writeSync(this.#text, `${traceLines(record).join('\n')}\n`);
      writeSync(this.#lines, `${JSON.stringify(record)}\n`);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}

const address = (iova: bigint) => iova.toString(16).padStart(11, '0');

/** The ranges in which bytes are as they were. */
function untouched(bytes: Uint8Array, before: Uint8Array): [number, number][] {
  const ranges: [number, number][] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== before[at]) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === at) last[1]++;
    else ranges.push([at, at + 1]);
  }
  return ranges;
}

/** The descriptors of a chain, in the ring and in its indirect tables. */
function descriptorsOf({ slots, tables }: Flight['exchange']['chain'], ring: Ring): DescriptorRecord[] {
  const packed = ring.nextWrap !== undefined;
  const one = (area: GuardedBuffer, slot: number, table?: number): DescriptorRecord => {
    const bytes = area.view.subarray(slot * vringDesc.size, (slot + 1) * vringDesc.size);
    const head = { ...(table !== undefined && { table }), slot, bytes: hexOf(bytes) };
    if (packed) {
      const { addr, len, id, flags } = pvirtqDesc.read(bytes);
      return { ...head, addr: address(addr), len, flags: bitNames(PackedDescFlag, flags), id };
    }
    const { addr, len, flags, next } = vringDesc.read(bytes);
    return { ...head, addr: address(addr), len, flags: bitNames(DescFlag, flags), next };
  };
  return [
    ...slots.map((slot) => one(ring.areas.desc, slot)),
    ...tables.flatMap((area, table) =>
      Array.from({ length: Math.floor(area.size / vringDesc.size) }, (_, slot) => one(area, slot, table)),
    ),
  ];
}
