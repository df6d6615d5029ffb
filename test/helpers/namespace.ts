import { randomBytes } from 'node:crypto';

/**
 * A name that no other test uses: the suite shares one Redis and never empties it. Letters, digits and `-` only, so it
 * serves as a Repo, a Library or a key prefix.
 */
export function uniqueId(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
