import type { RedisContext } from '../redis/context.js';
import { LargeValues } from '../redis/large-replies/large-values.js';
import { setBytes } from '../redis/set-bytes.js';
import type { BlobRef, BlobStore } from './blob-store.js';

/** Bytes in Redis strings, one slot per shard: for small and medium models. */
export class RedisBlobStore implements BlobStore {
  readonly #context: RedisContext;
  readonly #values: LargeValues;

  constructor(context: RedisContext) {
    this.#context = context;
    this.#values = new LargeValues(context.redis);
  }

  async put(ref: BlobRef, bytes: Uint8Array, options: { readonly ttlMs?: number } = {}): Promise<void> {
    const { redis, keys } = this.#context;
    await setBytes(redis, keys.blob(ref), { value: bytes, ttlMs: options.ttlMs });
  }

  async get(ref: BlobRef): Promise<Uint8Array | null> {
    return this.#values.get(this.#context.keys.blob(ref));
  }

  giveBack(bytes: Uint8Array): void {
    this.#values.giveBack(bytes);
  }

  async keep(refs: readonly BlobRef[]): Promise<boolean> {
    const { redis, keys } = this.#context;
    const left = await Promise.all(refs.map(async (ref) => (await redis.persist(keys.blob(ref))) === 1));
    return left.every(Boolean);
  }

  async delete(refs: readonly BlobRef[]): Promise<void> {
    const { redis, keys } = this.#context;
    // One by one: the shards of a list may live in different cluster slots.
    await Promise.all(refs.map((ref) => redis.unlink(keys.blob(ref))));
  }

  async deleteRepo(): Promise<void> {
    // Whatever no record names has a time to live.
  }

  async reap(): Promise<boolean> {
    // Redis does it.
    return false;
  }

  async ready(): Promise<void> {
    // The connection is made already.
  }

  async close(): Promise<void> {
    await this.#values.close();
  }
}
