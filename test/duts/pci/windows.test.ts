import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PlacedBar } from '../../../src/duts/pci/bars.js';
import { type FunctionWindows, openWindows } from '../../../src/duts/pci/windows.js';
import { DutGoneError } from '../../../src/port/errors.js';

const BARS: readonly PlacedBar[] = [
  { index: 0, space: 'io', size: 64, inPage: 0x40 },
  { index: 1, space: 'memory', size: 2048, inPage: 0x800 },
];
const COMMAND = 4;
const INTX_DISABLE = 0x400;

let folder: string;
let open: FunctionWindows;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-windows-'));
  writeFileSync(join(folder, 'config'), Buffer.alloc(256));
  writeFileSync(join(folder, 'resource0'), Buffer.alloc(64));
  writeFileSync(join(folder, 'resource1'), Buffer.alloc(4096));
  open = openWindows(folder, BARS);
});
afterEach(() => {
  open.close();
  rmSync(folder, { recursive: true });
});
const bytes = (name: string) => readFileSync(join(folder, name));
const bar = (index: number) => {
  const window = open.bars.get(index);
  if (window === undefined) throw new Error(`no BAR ${index}`);
  return window;
};

test('registers lie where they are, little-endian, in all widths', () => {
  for (const [window, name, at] of [
    [open.config, 'config', 0],
    [bar(0), 'resource0', 0],
    [bar(1), 'resource1', 0x800],
  ] as const) {
    window.write(16, 4, 0x8899aabb);
    window.write(20, 2, 0xccdd);
    window.write(23, 1, 0xee);
    expect(bytes(name).toString('hex', at + 16, at + 24)).toBe('bbaa9988ddcc00ee');
    expect([window.read(16, 4), window.read(20, 2), window.read(23, 1)]).toEqual([0x8899aabb, 0xccdd, 0xee]);
  }
});

test('what is beyond a BAR, or across its elements, is refused', () => {
  expect(() => bar(1).read(2047, 2)).toThrow(RangeError);
  expect(() => bar(1).write(2, 4, 0)).toThrow(/no aligned access/);
  expect(() => bar(0).read(63, 2)).toThrow(RangeError);
  expect(open.bars.get(2)).toBeUndefined();
});

test('the line stays disabled, whatever the driver is shown', () => {
  const real = () => bytes('config').readUInt16LE(COMMAND);
  expect(real()).toBe(INTX_DISABLE);
  expect(open.config.read(COMMAND, 2)).toBe(0);
  open.config.write(COMMAND, 2, 7);
  expect([open.config.read(COMMAND, 2), real()]).toEqual([7, 7 | INTX_DISABLE]);
  open.config.write(COMMAND, 2, 7 | INTX_DISABLE);
  expect([open.config.read(COMMAND, 2), real()]).toEqual([7 | INTX_DISABLE, 7 | INTX_DISABLE]);
  // By other widths as well.
  open.config.write(COMMAND + 1, 1, 0);
  expect([open.config.read(COMMAND, 2), open.config.read(COMMAND + 1, 1), real()]).toEqual([
    7,
    0,
    7 | INTX_DISABLE,
  ]);
  open.config.write(COMMAND, 4, 3);
  expect([open.config.read(COMMAND, 4), real()]).toEqual([3, 3 | INTX_DISABLE]);
  expect(open.config.read(0, 4)).toBe(0);
});

test('a line that was disabled from the start is shown so', () => {
  open.close();
  const config = Buffer.alloc(256);
  config.writeUInt16LE(INTX_DISABLE | 2, COMMAND);
  writeFileSync(join(folder, 'config'), config);
  open = openWindows(folder, []);
  expect(open.config.read(COMMAND, 2)).toBe(INTX_DISABLE | 2);
});

test('a function that was taken away is gone', () => {
  truncateSync(join(folder, 'config'));
  expect(() => open.config.read(0, 2)).toThrow(DutGoneError);
});
