import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CloudNodeError } from '../../protocol/errors.js';
import type { KeyRecord } from '../../protocol/records.js';
import type { RepoStore } from '../../redis/repo-store.js';

const PREFIX = 'cnk_';
const MAX_CHARS = 512;

/** `cnk_<repoId>.<keyId>.<secret>`: shown once, only the secret's hash is kept. */
export function createApiKey(
  repoId: string,
  input: { label: string; nowMs: number; expiresInMs?: number | null },
): { apiKey: string; record: KeyRecord } {
  const { expiresInMs = null } = input;
  const keyId = `k-${randomBytes(4).toString('hex')}`;
  const secret = randomBytes(32).toString('base64url');
  const record: KeyRecord = {
    v: 1,
    keyId,
    label: input.label,
    sha256: hash(secret),
    createdMs: input.nowMs,
    revokedMs: null,
    expiresMs: expiresInMs === null ? null : input.nowMs + expiresInMs,
  };
  return { apiKey: `${PREFIX}${repoId}.${keyId}.${secret}`, record };
}

/** @throws `unauthenticated`, which does not tell which part of the key is wrong */
export async function verifyApiKey(
  repos: RepoStore,
  apiKey: string,
): Promise<{ repoId: string; keyId: string; expiresMs: number | null }> {
  const parts = parseApiKey(apiKey);
  const record = parts === null ? null : await repos.findKey(parts.repoId, parts.keyId);
  // Hashed in any case, so that the time of the answer says nothing about which keys exist.
  const matches = timingSafeEqual(
    Buffer.from(hash(parts?.secret ?? '')),
    Buffer.from(record?.sha256 ?? hash(randomBytes(32).toString('hex'))),
  );
  if (parts === null || record === null || !matches)
    throw new CloudNodeError('unauthenticated', 'The API key is not valid.');
  if (record.revokedMs !== null)
    throw new CloudNodeError('unauthenticated', `The API key "${record.keyId}" was revoked.`);
  if (record.expiresMs !== null && Date.now() >= record.expiresMs)
    throw new CloudNodeError('unauthenticated', `The API key "${record.keyId}" has expired.`);
  return { repoId: parts.repoId, keyId: parts.keyId, expiresMs: record.expiresMs };
}

/** The Repo that a key says it is of, good or not. */
export function claimedRepo(text: string): string | null {
  return (
    /\bcnk_([A-Za-z0-9][A-Za-z0-9._-]{0,63})\.[A-Za-z0-9-]{1,32}\./.exec(text.slice(0, MAX_CHARS))?.[1] ??
    null
  );
}

/** From the right: a Repo id may have dots. */
function parseApiKey(apiKey: string): { repoId: string; keyId: string; secret: string } | null {
  if (apiKey.length > MAX_CHARS) return null;
  const match = /^cnk_([A-Za-z0-9][A-Za-z0-9._-]{0,63})\.([A-Za-z0-9-]{1,32})\.([A-Za-z0-9_-]{43})$/.exec(
    apiKey,
  );
  const [, repoId, keyId, secret] = match ?? [];
  return repoId === undefined || keyId === undefined || secret === undefined
    ? null
    : { repoId, keyId, secret };
}

function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
