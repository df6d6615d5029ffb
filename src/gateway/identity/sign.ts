import { createPublicKey, sign, verify } from 'node:crypto';
import { signedBytes, type Signed, type StatementKind } from '../../protocol/identity.js';
import type { PoolKey } from './pool-key.js';

/** Signs the JSON text of `statement`. Ed25519 has no randomness: the same statement has the same signature anywhere. */
export function signStatement(
  { privateKey, publicKey }: PoolKey,
  kind: StatementKind,
  statement: object,
): Signed {
  const text = JSON.stringify(statement);
  const signature = sign(null, signedBytes(kind, text), privateKey).toString('base64url');
  return { statement: text, signature, publicKey };
}

/** Whether the key that it names has signed it. */
export function isSignedBy({ statement, signature, publicKey }: Signed, kind: StatementKind): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, signedBytes(kind, statement), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
