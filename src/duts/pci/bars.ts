/** The BARs of a function as the kernel has placed them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Flag of a resource that is in I/O space (linux/ioport.h). */
const IORESOURCE_IO = 0x100n;
const BARS = 6;

/** A BAR that has addresses. */
export interface PlacedBar {
  readonly index: number;
  readonly space: 'memory' | 'io';
  /** Bytes. */
  readonly size: number;
  /** Where it begins in a page of 4096 bytes; whoever maps it maps whole pages. */
  readonly inPage: number;
}

const PAGE = 4096n;

/** What the file `resource` of a function's folder in sysfs tells: a line for each BAR, zeros for one that is not there. */
export function placedBars(folder: string): readonly PlacedBar[] {
  const lines = readFileSync(join(folder, 'resource'), 'latin1').split('\n').slice(0, BARS);
  return lines.flatMap((line, index): PlacedBar[] => {
    const [start = 0n, end = 0n, flags = 0n] = line.split(' ').map((word) => BigInt(word));
    if (flags === 0n) return [];
    const space = (flags & IORESOURCE_IO) !== 0n ? 'io' : 'memory';
    return [{ index, space, size: Number(end - start + 1n), inPage: Number(start % PAGE) }];
  });
}
