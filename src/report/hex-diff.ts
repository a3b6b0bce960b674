/** Expected and received bytes under each other, with the ones that differ marked. */

const BYTES_PER_ROW = 16;
const MOST_ROWS = 8;

/** Bytes in hex; a bit that is clear in `mask` was not looked at. */
export interface HexPair {
  readonly expected: string;
  readonly got: string;
  readonly mask?: string;
}

/** Rows of 16 bytes, only those with a difference: offset, expected, got, marks. Bytes that are not there are `--`. */
export function hexDiff({ expected, got, mask }: HexPair): string[] {
  const [want, have] = [bytesOf(expected), bytesOf(got)];
  const care = mask === undefined ? undefined : bytesOf(mask);
  const differs = (at: number) => {
    const [left, right] = [want[at], have[at]];
    if (left === undefined || right === undefined) return left !== right;
    return ((left ^ right) & (care?.[at] ?? 0xff)) !== 0;
  };
  const length = Math.max(want.length, have.length);
  const lines: string[] = [];
  let rows = 0;
  for (let start = 0; start < length; start += BYTES_PER_ROW) {
    const row = range(start, Math.min(start + BYTES_PER_ROW, length));
    if (!row.some(differs)) continue;
    if (++rows > MOST_ROWS) continue;
    const shown = (bytes: Uint8Array) => (at: number) => bytes[at]?.toString(16).padStart(2, '0') ?? '--';
    const wanted = (at: number) => (care?.[at] === 0 ? '..' : shown(want)(at));
    lines.push(
      `${start.toString(16).padStart(4, '0')}  expected  ${row.map(wanted).join(' ')}`,
      `      got       ${row.map(shown(have)).join(' ')}`,
      `                ${row.map((at) => (differs(at) ? '^^' : '  ')).join(' ')}`.trimEnd(),
    );
  }
  if (rows > MOST_ROWS) lines.push(`… and ${rows - MOST_ROWS} more rows of ${BYTES_PER_ROW} bytes differ`);
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
