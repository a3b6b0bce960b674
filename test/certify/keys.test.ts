import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  fingerprint,
  isSignature,
  readPrivateKey,
  readPublicKey,
  signatureText,
} from '../../src/certify/keys.js';

const folder = mkdtempSync(join(tmpdir(), 'vscsi-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const file = (name: string, text: string | Buffer) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const pem = { type: 'pkcs8', format: 'pem' } as const;
const secret = file('private.pem', privateKey.export(pem));
const open = file('public.pem', publicKey.export({ type: 'spki', format: 'pem' }));

test('what one half signs, the other recognises', () => {
  const [key, half] = [readPrivateKey(secret), readPublicKey(open)];
  expect(fingerprint(key)).toBe(fingerprint(half));
  const text = signatureText(Buffer.from('data'), key);
  expect(isSignature(text, Buffer.from('data'), half)).toBe(true);
  expect(isSignature(text, Buffer.from('date'), half)).toBe(false);
  expect(isSignature(text.toUpperCase(), Buffer.from('data'), half)).toBe(false);
  expect(isSignature('', Buffer.from('data'), half)).toBe(false);
});

test.each([
  ['is not there', join(folder, 'none.pem'), /not there; make one with: openssl/],
  ['is a public one', open, /public one/],
  [
    'is encrypted',
    file('enc.pem', privateKey.export({ ...pem, cipher: 'aes-256-cbc', passphrase: 'x' })),
    /encrypted; decrypt/,
  ],
  ['is of another kind', file('rsa.pem', rsa.privateKey.export(pem)), /of type rsa, not Ed25519/],
  ['is no key', file('no.pem', 'hello'), /no key in PEM/],
  ['is a folder', folder, /cannot be read/],
])('a private key that %s', (_, path, complaint) => {
  expect(() => readPrivateKey(path)).toThrow(complaint);
});

test.each([
  ['is a private one', secret, /private one; give the public one/],
  [
    'is of another kind',
    file('rsapub.pem', rsa.publicKey.export({ type: 'spki', format: 'pem' })),
    /of type rsa/,
  ],
])('a public key that %s', (_, path, complaint) => {
  expect(() => readPublicKey(path)).toThrow(complaint);
});
