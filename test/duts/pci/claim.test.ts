import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimFunction } from '../../../src/duts/pci/claim.js';
import { DmaGuard } from '../../../src/duts/pci/dma-guard.js';

const address = '0000:00:05.0';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-claim-'));
  writeFileSync(join(folder, 'config'), Buffer.alloc(64));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a function is driven by one run at a time', () => {
  const claim = claimFunction({ address, folder });
  expect(() => claimFunction({ address, folder })).toThrow(/another run drives 0000:00:05\.0/);
  closeSync(claim);
  closeSync(claimFunction({ address, folder }));
});

test('it is claimed for as long as its guard has not ended its DMA', async () => {
  const claim = claimFunction({ address, folder });
  const memory = openSync(join(folder, 'memory'), 'w+');
  const guard = await DmaGuard.start(join(folder, 'config'), [memory, claim]);
  closeSync(claim);
  closeSync(memory);
  expect(() => claimFunction({ address, folder })).toThrow(/another run drives/);
  await guard.end();
  closeSync(claimFunction({ address, folder }));
});

test('a function that has gone is told with its place', () => {
  expect(() => claimFunction({ address, folder: '/nowhere' })).toThrow(/ENOENT.*\/nowhere\/config/);
});
