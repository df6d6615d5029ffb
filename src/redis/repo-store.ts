import { CloudNodeError } from '../protocol/errors.js';
import { parseJson } from '../protocol/parse.js';
import { keyRecord, repoRecord, type KeyRecord, type RepoRecord } from '../protocol/records.js';
import type { RedisContext } from './context.js';
import { parseRecord } from './parse-record.js';
import { runScript } from './run-script.js';
import { SharedReads } from './shared-reads.js';

/** Repos and their API keys. */
export class RepoStore {
  readonly #context: RedisContext;
  readonly #keys = new SharedReads<KeyRecord | null>();

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** @throws `repo_exists` */
  async create(record: RepoRecord): Promise<void> {
    const { redis, keys } = this.#context;
    const created = await redis.set(keys.repoRecord(record.repoId), JSON.stringify(record), 'NX');
    if (created === null)
      throw new CloudNodeError('repo_exists', `There is a Repo "${record.repoId}" already.`);
    await redis.sadd(keys.repos(), record.repoId);
  }

  async find(repoId: string): Promise<RepoRecord | null> {
    const text = await this.#context.redis.get(this.#context.keys.repoRecord(repoId));
    return text === null ? null : parseJson(repoRecord, text, 'internal');
  }

  /** @throws `repo_not_found` */
  async get(repoId: string): Promise<RepoRecord> {
    const record = await this.find(repoId);
    if (record === null) throw new CloudNodeError('repo_not_found', `There is no Repo "${repoId}".`);
    return record;
  }

  async ids(): Promise<string[]> {
    const { redis, keys } = this.#context;
    return (await redis.smembers(keys.repos())).sort();
  }

  async list(): Promise<RepoRecord[]> {
    const records = await Promise.all((await this.ids()).map((repoId) => this.find(repoId)));
    return records.filter((record) => record !== null);
  }

  async addKey(repoId: string, record: KeyRecord): Promise<void> {
    const { redis, keys } = this.#context;
    await redis.hset(keys.apiKeys(repoId), record.keyId, JSON.stringify(record));
  }

  async removeKeys(repoId: string, keyIds: readonly string[]): Promise<void> {
    if (keyIds.length === 0) return;
    const { redis, keys } = this.#context;
    await redis.hdel(keys.apiKeys(repoId), ...keyIds);
    await redis.hdel(keys.keyUses(repoId), ...keyIds);
  }

  async findKey(repoId: string, keyId: string): Promise<KeyRecord | null> {
    const { redis, keys } = this.#context;
    const key = keys.apiKeys(repoId);
    return this.#keys.read(`${key} ${keyId}`, async () => {
      const text = await redis.hget(key, keyId);
      return text === null ? null : parseRecord(keyRecord, text);
    });
  }

  /** Coarse: the caller says so at most once in a while. */
  async noteKeyUse(repoId: string, keyId: string): Promise<void> {
    const { redis, keys } = this.#context;
    await runScript(redis, 'useKey', { keys: [keys.apiKeys(repoId), keys.keyUses(repoId)], args: [keyId] });
  }

  /** keyId → when it was used last, ms. */
  async keyUses(repoId: string): Promise<ReadonlyMap<string, number>> {
    const { redis, keys } = this.#context;
    const uses = Object.entries(await redis.hgetall(keys.keyUses(repoId)));
    return new Map(uses.map(([keyId, ms]) => [keyId, Number(ms)]));
  }

  async listKeys(repoId: string): Promise<KeyRecord[]> {
    const { redis, keys } = this.#context;
    const all = await redis.hvals(keys.apiKeys(repoId));
    return all.map((text) => parseRecord(keyRecord, text)).sort((a, b) => a.createdMs - b.createdMs);
  }
}
