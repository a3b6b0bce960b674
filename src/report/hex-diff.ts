/** Expected and received bytes under each other, with the ones that differ marked. */

const BYTES_PER_ROW = 16;
const MOST_ROWS = 8;

/** Bytes in hex; a bit that is clear in `mask` was not looked at. */
export interface HexPair {
  readonly expected: string;
  readonly got: string;
  readonly mask?: string;
}

/** Up to 16 bytes under each other; `--` for one that is not there, `..` for one that was not looked at. */
export interface DiffRow {
  readonly offset: number;
  readonly expected: readonly string[];
  readonly got: readonly string[];
  readonly differs: readonly boolean[];
}

/** The first rows with a difference, and how many more there are. */
export function diffRows(
  { expected, got, mask }: HexPair,
  most: number = MOST_ROWS,
): { readonly rows: readonly DiffRow[]; readonly more: number } {
  const [want, have] = [bytesOf(expected), bytesOf(got)];
  const care = mask === undefined ? undefined : bytesOf(mask);
  const differs = (at: number) => {
    const [left, right] = [want[at], have[at]];
    if (left === undefined || right === undefined) return left !== right;
    return ((left ^ right) & (care?.[at] ?? 0xff)) !== 0;
  };
  const shown = (bytes: Uint8Array) => (at: number) => bytes[at]?.toString(16).padStart(2, '0') ?? '--';
  const wanted = (at: number) => (care?.[at] === 0 ? '..' : shown(want)(at));
  const length = Math.max(want.length, have.length);
  const rows: DiffRow[] = [];
  let more = 0;
  for (let offset = 0; offset < length; offset += BYTES_PER_ROW) {
    const row = range(offset, Math.min(offset + BYTES_PER_ROW, length));
    if (!row.some(differs)) continue;
    if (rows.length >= most) more++;
    else
      rows.push({
        offset,
        expected: row.map(wanted),
        got: row.map(shown(have)),
        differs: row.map(differs),
      });
  }
  return { rows, more };
}

/** Rows of 16 bytes, only those with a difference: offset, expected, got, marks. The two can be called otherwise. */
export function hexDiff(
  pair: HexPair,
  [first, second]: readonly [string, string] = ['expected', 'got'],
): string[] {
  const { rows, more } = diffRows(pair);
  const width = Math.max(first.length, second.length);
  const lines = rows.flatMap(({ offset, expected, got, differs }) => [
    `${offset.toString(16).padStart(4, '0')}  ${first.padEnd(width)}  ${expected.join(' ')}`,
    `      ${second.padEnd(width)}  ${got.join(' ')}`,
    `      ${' '.repeat(width)}  ${differs.map((mark) => (mark ? '^^' : '  ')).join(' ')}`.trimEnd(),
  ]);
  if (more > 0) lines.push(`… and ${more} more rows of ${BYTES_PER_ROW} bytes differ`);
  return lines;
}

/** Hex in groups of 4 bytes, cut after `most` bytes. */
export function spacedHex(hex: string, most = 64): string {
  const shown = hex.slice(0, 2 * most).replaceAll(/(.{8})(?=.)/g, '$1 ');
  return hex.length > 2 * most ? `${shown} … (${hex.length / 2} bytes)` : shown;
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
