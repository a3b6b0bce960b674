/** What `vscsi verify` says of a record that it cannot check whole. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finishRecord, RecordFile } from '../../src/certify/record.js';
import { htmlText } from '../../src/report/html.js';
import { EMPTY_GATE } from '../../src/run/gate.js';
import { FACTS, PLAYLIST, results } from '../certify/sample.js';
import { finish } from './vscsi.js';

test('a record of another version of the suite is neither sound nor refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-verify-'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = `${folder}.pem`;
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  const gate = EMPTY_GATE;
  writeFileSync(join(folder, RecordFile.RESULTS), JSON.stringify({ ...results(), gate }));
  writeFileSync(join(folder, RecordFile.PAGE), htmlText([{ results: results(), gate }]));
  finishRecord(folder, results(), PLAYLIST, privateKey, FACTS);
  const { code, output } = await finish('verify', folder, '--public-key', key);
  expect(output).toMatch(/^note: the record was made by version 1\.2\.3 of the suite/);
  expect(output).not.toMatch(/SOUND|CONFORMANT/);
  expect(code).toBe(6);
  rmSync(folder, { recursive: true });
  rmSync(key);
});
