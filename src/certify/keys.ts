/** Ed25519 keys from PEM files, and what they sign. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sha256 } from './manifest.js';

/** A key cannot be used; the message names the file and says what to do. Exit code 2. */
export class KeyError extends Error {
  constructor(file: string, what: string, options?: ErrorOptions) {
    super(`the key ${file} ${what}`, options);
    this.name = 'KeyError';
  }
}

const MAKE_ONE = 'make one with: openssl genpkey -algorithm ed25519 -out private.pem';

/** Throws KeyError. */
export function readPrivateKey(file: string): KeyObject {
  const pem = readPem(file);
  if (/-----BEGIN PUBLIC KEY-----/.test(pem))
    throw new KeyError(file, 'is a public one; the private one is needed to sign');
  if (/ENCRYPTED/.test(pem))
    throw new KeyError(
      file,
      'is encrypted; decrypt it for the run, e.g. with: openssl pkey -in encrypted.pem -out private.pem',
    );
  return ed25519(file, () => createPrivateKey(pem));
}

/** Throws KeyError, also for a private key: who checks a record should not need one. */
export function readPublicKey(file: string): KeyObject {
  const pem = readPem(file);
  if (/PRIVATE KEY-----/.test(pem))
    throw new KeyError(
      file,
      'is a private one; give the public one, made with: openssl pkey -in private.pem -pubout -out public.pem',
    );
  return ed25519(file, () => createPublicKey(pem));
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT';
    throw new KeyError(file, missing ? `is not there; ${MAKE_ONE}` : `cannot be read: ${message}`, {
      cause: error,
    });
  }
}

function ed25519(file: string, read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (error) {
    throw new KeyError(file, `is no key in PEM; ${MAKE_ONE}`, { cause: error });
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeyError(file, `is of type ${key.asymmetricKeyType}, not Ed25519; ${MAKE_ONE}`);
  return key;
}

/** SHA-256 of the public half, by which people tell keys apart. */
export function fingerprint(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return sha256(half.export({ type: 'spki', format: 'der' }));
}

/** A signature as a line of hex: it has just one form, unlike base64. */
export function signatureText(data: Uint8Array, key: KeyObject): string {
  return `${sign(null, data, key).toString('hex')}\n`;
}

/** Whether a line is the signature of the data by the other half of a key; false for what is no such line. */
export function isSignature(text: string, data: Uint8Array, key: KeyObject): boolean {
  return /^[0-9a-f]{128}\n$/.test(text) && verify(null, data, key, Buffer.from(text.trim(), 'hex'));
}
