import * as z from 'zod';
import { parseJson } from '../protocol/parse.js';
import * as ids from '../protocol/ids.js';
import type { RedisContext } from './context.js';

/** What is good no more: an API key, one token by its `jti`, or the tokens of a subject issued before a moment. */
export const revocation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), repoId: ids.repoId, keyId: ids.keyId }),
  z.strictObject({ kind: z.literal('token'), jti: z.string() }),
  z.strictObject({ kind: z.literal('subject'), sub: z.string(), issuedBeforeMs: z.int() }),
]);
export type Revocation = z.infer<typeof revocation>;

export interface LoggedRevocation {
  readonly atMs: number;
  readonly revocation: Revocation;
}

const PAGE = 1_000;

/** The pool's revocations in the order in which they were written. */
export class RevocationLog {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** Those older than `keepMs` are dropped: nothing that they are about can be alive. */
  async append(what: Revocation, keepMs: number): Promise<void> {
    const { redis, keys } = this.#context;
    const id = await redis.xadd(keys.revocations(), '*', 'revocation', JSON.stringify(what));
    await redis.xtrim(keys.revocations(), 'MINID', Math.max(0, msOf(id ?? '0') - keepMs));
  }

  /** All since then that are kept, oldest first. */
  async read(sinceMs: number): Promise<LoggedRevocation[]> {
    const { redis, keys } = this.#context;
    const found: LoggedRevocation[] = [];
    for (let start = String(sinceMs); ;) {
      const entries = await redis.xrange(keys.revocations(), start, '+', 'COUNT', PAGE);
      for (const [id, [, text = '']] of entries) {
        found.push({ atMs: msOf(id), revocation: parseJson(revocation, text, 'internal') });
      }
      const [last] = entries.at(-1) ?? [];
      if (last === undefined || entries.length < PAGE) return found;
      start = `(${last}`;
    }
  }
}

function msOf(id: string): number {
  return Number(id.split('-')[0]);
}
