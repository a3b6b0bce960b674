import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { placedBars } from '../../../src/duts/pci/bars.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-bars-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('places, sizes and spaces of the BARs; neither what is not there nor the ROM', () => {
  const lines = [
    '0x000000000000c040 0x000000000000c07f 0x0000000000040101',
    '0x00000000febfe800 0x00000000febfefff 0x0000000000040200',
    '0x0000000000000000 0x0000000000000000 0x0000000000000000',
    '0x0000000000000000 0x0000000000000000 0x0000000000000000',
    '0x0000380000000000 0x0000380000003fff 0x000000000014220c',
    '0x0000000000000000 0x0000000000000000 0x0000000000000000',
    '0x00000000feb00000 0x00000000feb7ffff 0x0000000000046200',
  ];
  writeFileSync(join(folder, 'resource'), `${lines.join('\n')}\n`);
  expect(placedBars(folder)).toEqual([
    { index: 0, space: 'io', size: 64, inPage: 0x40 },
    { index: 1, space: 'memory', size: 2048, inPage: 0x800 },
    { index: 4, space: 'memory', size: 16384, inPage: 0 },
  ]);
});
