/** What a trace consists of, line by line: `src/report/trace.schema.json` describes it. */
import type { DecodedField } from './decode-exchange.js';
import type { CommandLayout } from './exchange-bytes.js';
import type { Flight } from './flights.js';

/** The first line. */
export interface TraceHeader {
  readonly type: 'trace';
  readonly schemaVersion: 1;
  readonly suite: { readonly version: string };
  readonly case: string;
  readonly mode: string;
  readonly seed: number;
}

/** One access to a register, by the width that the driver chose. */
export interface RegisterRecord {
  readonly type: 'register';
  readonly verb: 'read' | 'write';
  /** `config`, `bar0` … `bar5`, `mmio`. */
  readonly window: string;
  readonly offset: number;
  readonly width: number;
  /** In hex, with 0x. */
  readonly value: string;
  /** Structure and field, where the offset is known to belong to one. */
  readonly name?: string;
  /** The bits of a status that are set. */
  readonly meaning?: string;
}

/** A descriptor of a chain as it lies in memory. */
export interface DescriptorRecord {
  /** Left out for the queue itself; the number of an indirect table from 0 else. */
  readonly table?: number;
  readonly slot: number;
  readonly bytes: string;
  readonly addr: string;
  readonly len: number;
  readonly flags: readonly string[];
  /** Of a split ring. */
  readonly next?: number;
  /** Of a packed ring. */
  readonly id?: number;
}

/** A chain is about to be made available. */
export interface SentRecord {
  readonly type: 'sent';
  /** Counts the chains of the trace. */
  readonly exchange: number;
  readonly kind: Flight['kind'];
  readonly queue: number;
  /** Left out where the chain gets its place only by being made available: then a `placed` follows. */
  readonly head?: number;
  readonly layout?: CommandLayout;
  readonly out: readonly { readonly addr: string; readonly bytes: string }[];
  readonly in: readonly { readonly addr: string; readonly size: number }[];
  readonly descriptors: readonly DescriptorRecord[];
  readonly fields: readonly DecodedField[];
}

/** A chain that had no place before lies in its ring, and no notification was sent yet. */
export interface PlacedRecord {
  readonly type: 'placed';
  readonly exchange: number;
  readonly queue: number;
  readonly head: number;
  readonly descriptors: readonly DescriptorRecord[];
}

/** A step has waited for a chain. */
export interface ReturnedRecord {
  readonly type: 'returned';
  readonly exchange: number;
  readonly queue: number;
  readonly head: number;
  /** What the ring said; all left out where the chain did not come back. */
  readonly usedLen?: number;
  readonly usedIndex?: number;
  readonly interrupt?: boolean;
  /** The buffers as the device left them, with the ranges `[from, to)` in which they are as they were before. */
  readonly in?: readonly {
    readonly addr: string;
    readonly bytes: string;
    readonly untouched: readonly (readonly [number, number])[];
  }[];
  readonly fields: readonly DecodedField[];
}

export type TraceRecord =
  | TraceHeader
  /** The case is carried out once more: what was seen may have been chance. */
  | { readonly type: 'attempt'; readonly number: number }
  | { readonly type: 'step'; readonly step: string; readonly kind: string; readonly place: string }
  | RegisterRecord
  /** A request to a vhost back-end. */
  | { readonly type: 'call'; readonly name: string; readonly arguments: readonly string[] }
  /** The access before it came so many times more, with the same outcome. */
  | { readonly type: 'repeated'; readonly times: number }
  | SentRecord
  | PlacedRecord
  | ReturnedRecord
  /** A location was read or written by a step. */
  | {
      readonly type: 'access';
      readonly verb: 'read' | 'write';
      readonly location: string;
      /** A number in hex with 0x, or bytes in hex. */
      readonly value: string;
    }
  | { readonly type: 'verdict'; readonly verdict: string };
