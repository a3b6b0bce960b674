/** The ways in which a number of a layout can be wrong. */
export interface Deviation {
  readonly id: string;
  /** What the field is, after "is". */
  readonly words: string;
  change(value: number): number;
}

/** Reverses the bytes of an unsigned number. */
export function swapBytes(value: number, size: number): number {
  let out = 0;
  for (let at = 0; at < size; at++) out = out * 256 + (Math.floor(value / 256 ** at) % 256);
  return out;
}

/** Zero, one too large, and, from two bytes up, with its bytes reversed. */
export function deviations(size: number): readonly Deviation[] {
  const limit = 256 ** size;
  return [
    { id: 'zero', words: 'zero', change: () => 0 },
    { id: 'plus-one', words: 'one too large', change: (value) => (value + 1) % limit },
    ...(size > 1
      ? [
          {
            id: 'swapped',
            words: 'stored with its bytes reversed',
            change: (value: number) => swapBytes(value, size),
          },
        ]
      : []),
  ];
}
