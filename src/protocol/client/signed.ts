import { verifyAsync } from '@noble/ed25519';
import { signedBytes, type Signed, type StatementKind } from '../identity.js';

const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Whether the key that `signed` names has signed it; whose key that is, is another question. */
export async function isSigned(kind: StatementKind, signed: Signed): Promise<boolean> {
  const key = fromBase64Url(signed.publicKey, PUBLIC_KEY_BYTES);
  const signature = fromBase64Url(signed.signature, SIGNATURE_BYTES);
  if (key === null || signature === null) return false;
  // Strict RFC 8032, as OpenSSL checks: one signature is not good in one place and bad in another.
  const bytes = signedBytes(kind, signed.statement);
  return verifyAsync(signature, bytes, key, { zip215: false }).catch(() => false);
}

/** Something that came over the wire, if it has the form of a signed statement. */
export function asSigned(value: unknown): Signed | null {
  const { statement, signature, publicKey } = (value ?? {}) as Partial<Signed>;
  const complete =
    typeof statement === 'string' && typeof signature === 'string' && typeof publicKey === 'string';
  return complete ? { statement, signature, publicKey } : null;
}

/** @throws TypeError when it is not a public key */
export function checkPublicKey(text: string): string {
  if (fromBase64Url(text, PUBLIC_KEY_BYTES) !== null) return text;
  throw new TypeError(
    `"${text}" is not a key of a pool: 43 characters of base64url, as \`cloud-node pool-key show\` prints.`,
  );
}

export function newNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

function fromBase64Url(text: string, length: number): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return bytes.length === length ? Uint8Array.from(bytes, (char) => char.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
