import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** `PKCS #8` of an Ed25519 key up to its 32 bytes. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

export interface PoolKey {
  readonly privateKey: KeyObject;
  /** As Libraries pin it: 32 bytes as base64url. */
  readonly publicKey: string;
}

/**
 * Reads a private key: PEM as `openssl genpkey -algorithm ed25519` writes it, or its 32 bytes as base64.
 * @throws TypeError that does not repeat the key
 */
export function parsePoolKey(text: string): PoolKey {
  const seed = Buffer.from(text, 'base64');
  try {
    const key = text.includes('-----')
      ? createPrivateKey(text)
      : createPrivateKey({ key: pkcs8Of(seed), format: 'der', type: 'pkcs8' });
    if (key.asymmetricKeyType === 'ed25519') return withPublic(key);
  } catch {
    // What OpenSSL says of it helps nobody.
  }
  throw new TypeError('use an Ed25519 private key: PEM, or 32 bytes as base64');
}

export function newPoolKey(): PoolKey {
  return withPublic(generateKeyPairSync('ed25519').privateKey);
}

export function poolKeyPem({ privateKey }: PoolKey): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function withPublic(privateKey: KeyObject): PoolKey {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (x === undefined) throw new TypeError('This key has no public part.');
  return { privateKey, publicKey: x };
}

function pkcs8Of(seed: Buffer): Buffer {
  if (seed.length !== SEED_BYTES) throw new TypeError(`A key has ${SEED_BYTES} bytes.`);
  return Buffer.concat([PKCS8_HEAD, seed]);
}
