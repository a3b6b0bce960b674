/** The items of a parsed byte pattern. */
import type { Expression } from './types.js';

/** Encoding of a number in bytes; `g…` is the guest's order. */
export type IntegerEncoding =
  | 'u8'
  | 'le16'
  | 'le32'
  | 'le64'
  | 'be16'
  | 'be24'
  | 'be32'
  | 'be64'
  | 'g16'
  | 'g32'
  | 'g64';
export type Encoding = IntegerEncoding | 'bytes';

/** How often an item is repeated. */
export type PatternCount =
  | { readonly kind: 'times'; readonly count: Expression }
  | { readonly kind: 'blocks'; readonly count: Expression }
  /** To the end of the buffer. */
  | { readonly kind: 'rest' };

/** One item; `column` is where it stands in the pattern's text, from 1. */
export type PatternItem = { readonly column: number; readonly count?: PatternCount } & (
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: 'alternatives'; readonly alternatives: readonly (readonly PatternItem[])[] }
  | {
      readonly kind: 'value';
      readonly value:
        | { readonly kind: 'equals'; readonly expression: Expression }
        | { readonly kind: 'range'; readonly from?: Expression; readonly to?: Expression }
        | { readonly kind: 'capture'; readonly name: string };
      readonly encoding: Encoding;
      /** A list of that many; for `bytes`, the length. */
      readonly list?: Expression;
    }
  | { readonly kind: 'stamp'; readonly seed: Expression; readonly lba: Expression }
  | { readonly kind: 'prng'; readonly seed: Expression }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'untouched' }
  | { readonly kind: 'written' }
);
