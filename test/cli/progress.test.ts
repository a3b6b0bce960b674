import { expect, test } from 'vitest';
import { ProgressLine } from '../../src/cli/progress.js';
import { sinkFor } from '../../src/report/style.js';

/** Shows three steps of work, at 0, 9.9 and 10 seconds; returns what was written. */
function work(isTTY: boolean): string {
  let written = '';
  let now = 0;
  const sink = sinkFor({ isTTY, write: (text) => (written += text) }, {});
  const line = new ProgressLine(sink, () => now);
  for (const [at, text] of [
    [0, '1/3'],
    [9_900, '2/3'],
    [10_000, '3/3'],
  ] as const) {
    now = at;
    line.show(text);
  }
  line.end();
  return written;
}

test('on a terminal a line is overwritten, and goes at the end', () => {
  expect(work(true)).toBe('\r1/3 \r2/3 \r3/3 \r\x1b[K');
});

test('elsewhere there is a line every ten seconds', () => {
  expect(work(false)).toBe('3/3\n');
});
