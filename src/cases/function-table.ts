/** The functions of expressions: names, arity, kinds. The table is closed; a test counts it. */

interface Signature {
  readonly least: number;
  readonly most: number;
  /** `name`: the arguments name things in flight and are not evaluated; `feature`: a feature name or its bit number. */
  readonly takes: 'values' | 'name' | 'feature';
  readonly gives: 'number' | 'truth' | 'unknown';
}

const fn = (
  least: number,
  most: number,
  gives: Signature['gives'],
  takes: Signature['takes'] = 'values',
): Signature => ({ least, most, gives, takes });

export const FUNCTION_SIGNATURES = {
  /** Least of its arguments. */
  min: fn(1, 9, 'number'),
  max: fn(1, 9, 'number'),
  /** 1 << n. */
  bit: fn(1, 1, 'number'),
  /** pick(condition, yes, no); only the one picked is computed. */
  pick: fn(3, 3, 'unknown'),
  /** any_of(x, a, b, …): x is one of the others. */
  any_of: fn(2, 40, 'truth'),
  /** at(list or bytes, n), from 0. */
  at: fn(2, 2, 'unknown'),
  len: fn(1, 1, 'number'),
  /** The list ascends; equal neighbours are fine. */
  sorted: fn(1, 1, 'truth'),
  distinct: fn(1, 1, 'truth'),
  contains: fn(2, 2, 'truth'),
  /** range(from, to): the list of both and all between. */
  range: fn(2, 2, 'unknown'),
  /** powers(limit): 1, 2, 4 … up to the limit. */
  powers: fn(1, 1, 'unknown'),
  /** sample(count, from, to): that many different numbers, ascending, drawn by run.seed. */
  sample: fn(3, 3, 'unknown'),
  /** xor(bytes, bytes) of equal length. */
  xor: fn(2, 2, 'unknown'),
  /** zeros(n): that many bytes. */
  zeros: fn(1, 1, 'unknown'),
  /** slice(bytes, from, count). */
  slice: fn(3, 3, 'unknown'),
  /**
   * records(bytes, header, at, width): where each of a row of records begins, whose headers have `header` bytes and, in
   * `width` bytes from `at` on, the length of what follows. The last one may reach beyond the bytes.
   */
  records: fn(4, 4, 'unknown'),
  /** Where the last of these records ends. */
  records_end: fn(4, 4, 'number'),
  /**
   * mode_pages(bytes): where each mode page begins; its header has two bytes, or four where SPF is one. Page 00h, a
   * vendor's in whatever format, is none of them and reaches to the end.
   */
  mode_pages: fn(1, 1, 'unknown'),
  mode_pages_end: fn(1, 1, 'number'),
  /** stamp(seed, lba): one block. */
  stamp: fn(2, 2, 'unknown'),
  /** prng(seed): one block of the byte stream. */
  prng: fn(1, 1, 'unknown'),
  /** dif(blocks, lba, application tag): protection information of type 1. */
  dif: fn(2, 3, 'unknown'),
  bar_size: fn(1, 1, 'number'),
  offered: fn(1, 1, 'truth', 'feature'),
  negotiated: fn(1, 1, 'truth', 'feature'),
  /** Place in the order of return, from 1. */
  position: fn(1, 1, 'number', 'name'),
  returned: fn(1, 1, 'truth', 'name'),
  /** has_lun(list, unit): whether entries of REPORT LUNS name a unit, in the flat or, below 256, the peripheral form. */
  has_lun: fn(2, 2, 'truth'),
} as const satisfies Record<string, Signature>;

export type FunctionName = keyof typeof FUNCTION_SIGNATURES;
