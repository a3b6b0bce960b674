/** `vscsi certify` and `vscsi verify`, as users call them. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { finish, start } from './vscsi.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keys = mkdtempSync(join(tmpdir(), 'vscsi-certify-'));
const secret = join(keys, 'private.pem');
const open = join(keys, 'public.pem');
writeFileSync(secret, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
writeFileSync(open, publicKey.export({ type: 'spki', format: 'pem' }));
afterAll(() => rmSync(keys, { recursive: true }));

const certify = (...more: readonly string[]) =>
  start('certify', '--dut', 'model', '--profile', 'basic', '--out', '@record', '--key', secret, ...more);

test('a device that fails gets a record that says so, with traces of what failed', async () => {
  const run = certify('--mutant', 'inquiry.evpd-ignored', '--jobs', '2');
  const code = await run.ended();
  expect(code, run.output.slice(-2000)).toBe(1);
  const record = join(run.folder, 'record');
  expect(readFileSync(join(record, 'CONFORMANCE.md'), 'utf8')).toMatch(/^\*\*NOT CONFORMANT\*\*$/m);
  const traces = readdirSync(join(record, 'traces'));
  expect(traces.filter((name) => name.endsWith('.txt')).length).toBeGreaterThan(0);
  const sound = await finish('verify', record, '--public-key', open);
  expect(sound).toMatchObject({ code: 0, output: expect.stringMatching(/SOUND: .* says NOT CONFORMANT/) });
  writeFileSync(join(record, 'traces', traces[0] ?? ''), 'nothing happened\n');
  const refused = await finish('verify', record, '--public-key', open);
  expect(refused.code).toBe(1);
  expect(refused.output).toContain(`traces/${traces[0]}: was changed after the signature`);
});

test('a record that is cut off says so and is not signed', async () => {
  const run = certify();
  const record = join(run.folder, 'record');
  await expect.poll(() => run.output, { timeout: 200_000 }).toMatch(/^model /m);
  run.kill('SIGINT');
  expect(await run.ended()).toBe(130);
  expect(readFileSync(join(record, 'CONFORMANCE.md'), 'utf8')).toMatch(/INTERRUPTED/);
  expect(existsSync(join(record, 'MANIFEST.sha256.sig'))).toBe(false);
  const { code, output } = await finish('verify', record, '--public-key', open);
  expect(code).toBe(1);
  expect(output).toMatch(/MANIFEST\.sha256: is missing: the record is not signed/);
  const again = await finish(
    'certify',
    '--dut',
    'model',
    '--profile',
    'basic',
    '--out',
    record,
    '--key',
    secret,
  );
  expect(again).toMatchObject({ code: 2, output: expect.stringMatching(/not empty/) });
});

test.each([
  [
    ['certify', '--dut', 'model', '--profile', 'other', '--out', '@r', '--key', secret],
    /no profile other; there are basic, full/,
  ],
  [
    ['certify', '--dut', 'model', '--profile', 'basic', '--out', '@r', '--key', '/none.pem'],
    /\/none\.pem is not there/,
  ],
  [['verify', '@none', '--public-key', open], /no such folder/],
  [['verify', '@none', '--public-key', secret], /private one/],
])('%#: what cannot be meant', async (words, complaint) => {
  const { code, output } = await finish(...words);
  expect(code).toBe(2);
  expect(output).toMatch(complaint);
});
