import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What a Library of the predecessor is told as `session_id`. It is new for each time that it begins: old Libraries keep
 * the last round of a session and ignore every other than the next, so that one that came late or was away would be
 * left out for good. It is also what lets it download the model, since old Libraries send no key with a request.
 */
export class SessionAliases {
  readonly #key: Buffer;

  /** @param secret the same at all gateways; null: aliases are good at this one only */
  constructor(secret: string | null) {
    const root = secret ?? randomBytes(32).toString('hex');
    this.#key = createHmac('sha256', root).update('cloud-node legacy session').digest();
  }

  make(repoId: string, sessionId: string): string {
    const text = `${repoId}~${sessionId}~${randomBytes(6).toString('hex')}`;
    return `${text}~${this.#sign(text)}`;
  }

  /** Null when it was not made here. */
  read(alias: string): { repoId: string; sessionId: string } | null {
    const match = /^(([^~]{1,64})~([^~]{1,64})~[0-9a-f]{12})~([\w-]{22})$/.exec(alias);
    const [, text = '', repoId = '', sessionId = '', signature = ''] = match ?? [];
    if (match === null || !timingSafeEqual(Buffer.from(signature), Buffer.from(this.#sign(text))))
      return null;
    return { repoId, sessionId };
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url').slice(0, 22);
  }
}
