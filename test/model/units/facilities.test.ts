/** What a disk has besides its medium: log pages, diagnostics, buffers and a clock. */
import { expect, test } from 'vitest';
import { Bench, hex, toHex } from '../bench.js';

function disk(): Bench {
  const bench = new Bench().start();
  bench.command('00 00 00 00 00 00');
  return bench;
}

test.each([
  ['the log pages that there are', '4d 00 00 00 00 00 00 00 ff 00', '00 00 00 03 00 0d 2f'],
  ['the temperature', '4d 00 4d 00 00 00 00 00 ff 00', '0d 00 00 0c 00 00 03 02 00 ff 00 01 03 02 00 ff'],
  ['informational exceptions', '4d 00 6f 00 00 00 00 00 ff 00', '2f 00 00 07 00 00 03 03 00 00 ff'],
  ['the diagnostic pages that there are', '1c 01 00 00 ff 00', '00 00 00 01 00'],
  ['the data buffer', '3c 03 00 00 00 00 00 00 ff 00', '00 00 10 00'],
  ['the echo buffer', '3c 0b 00 00 00 00 00 00 ff 00', '00 00 04 00'],
])('%s', (_, cdb, expected) => {
  const { status, data, residual } = disk().command(cdb, { dataIn: 255 });
  expect([status, toHex(data.subarray(0, 255 - residual))]).toEqual([0, expected]);
});

test('what was written to a buffer is read from it', () => {
  const bench = disk();
  expect(bench.command('3b 02 00 00 0f fe 00 00 02 00', { dataOut: hex('12 34') }).status).toBe(0);
  expect(toHex(bench.command('3c 02 00 00 0f fe 00 00 02 00', { dataIn: 2 }).data)).toBe('12 34');
  expect(bench.command('3b 02 00 00 0f fe 00 00 03 00', { dataOut: hex('12 34 56') }).status).toBe(2);
  expect(bench.command('3b 0a 00 00 00 00 00 00 02 00', { dataOut: hex('56 78') }).status).toBe(0);
  expect(toHex(bench.command('3c 0a 00 00 00 00 00 00 02 00', { dataIn: 2 }).data)).toBe('56 78');
});

test('the timestamp counts on from what was set', () => {
  const report = (bench: Bench) =>
    toHex(bench.command('a3 0f 00 00 00 00 00 00 00 0c 00 00', { dataIn: 12 }).data);
  const bench = disk();
  expect(report(bench)).toBe('00 0a 00 00 00 00 00 00 00 00 00 00');
  const list = hex('00 00 00 00 01 02 03 04 05 06 00 00');
  expect(bench.command('a4 0f 00 00 00 00 00 00 00 0c 00 00', { dataOut: list }).status).toBe(0);
  expect(report(bench)).toBe('00 0a 02 00 01 02 03 04 05 06 00 00');
  bench.model.clock.advance(3);
  expect(report(bench)).toBe('00 0a 02 00 01 02 03 04 05 09 00 00');
});
