import { readFile } from 'node:fs/promises';
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import { CloudNodeError } from '../../protocol/errors.js';

/** Never an HMAC with a public key set: whoever knows the public key could sign. */
export const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
];

/** How often a key set is read: after `maxAgeMs` in any case, for a key that it lacks at most every `cooldownMs`. */
export interface JwksTimes {
  readonly maxAgeMs: number;
  readonly cooldownMs: number;
}
const REMOTE: JwksTimes = { maxAgeMs: 300_000, cooldownMs: 30_000 };
const FILE: JwksTimes = { maxAgeMs: 10_000, cooldownMs: 1_000 };

/** The keys of a JWKS at an `https:`, `http:` or `file:` URL, read again as it changes. */
export function openJwks(location: string, times?: JwksTimes): JWTVerifyGetKey {
  const url = new URL(location);
  const isFile = url.protocol === 'file:';
  const { maxAgeMs, cooldownMs } = times ?? (isFile ? FILE : REMOTE);
  const keys = createRemoteJWKSet(url, {
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    ...(isFile ? { [customFetch]: async () => new Response(await readFile(url)) } : {}),
  });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (isOfToken(error)) throw error;
      throw new CloudNodeError('jwks_unavailable', 'The key set of AUTH_JWKS_URL can not be read.', {
        cause: error,
      });
    }
  };
}

/** Whether the key set was read, and the token asks for what it does not have. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
