import { aliasRecord, type AliasRecord } from '../protocol/alias.js';
import type { RedisContext } from './context.js';
import { parseRecord } from './parse-record.js';

/** Names of a Repo that point at its models. */
export class AliasStore {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  async list(repoId: string): Promise<AliasRecord[]> {
    const all = await this.#context.redis.hvals(this.#context.keys.aliases(repoId));
    return all.map((text) => parseRecord(aliasRecord, text)).sort((a, b) => (a.alias < b.alias ? -1 : 1));
  }

  async set(repoId: string, record: AliasRecord): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.hset(keys.aliases(repoId), record.alias, JSON.stringify(record));
  }

  async remove(repoId: string, alias: string): Promise<void> {
    await this.#context.redis.hdel(this.#context.keys.aliases(repoId), alias);
  }
}
