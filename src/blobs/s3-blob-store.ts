import { setTimeout as sleep } from 'node:timers/promises';
import { BlobIndex } from '../redis/blob-index.js';
import type { RedisContext } from '../redis/context.js';
import { CloudNodeError } from '../protocol/errors.js';
import type { BlobRef, BlobStore } from './blob-store.js';
import { describe, MAX_KEYS, type S3Bucket } from './s3-bucket.js';
import { placeOf } from './s3-location.js';

/** Longer than deleting takes with all its retries. */
const REAP_LEASE_MS = 120_000;
const LOOK_AGAIN_MS = 500;

/**
 * Bytes in an object store: for large models. It knows no time to live of minutes, so Redis holds when a blob ends,
 * written before the blob itself; `reap` deletes what has ended. An object that no list names stays for ever.
 */
export class S3BlobStore implements BlobStore {
  readonly #bucket: S3Bucket;
  readonly #index: BlobIndex;
  readonly #pool: string;

  constructor(context: RedisContext, bucket: S3Bucket) {
    this.#bucket = bucket;
    this.#index = new BlobIndex(context);
    this.#pool = `${context.keys.prefix}/`;
  }

  async put(ref: BlobRef, bytes: Uint8Array, options: { readonly ttlMs?: number } = {}): Promise<void> {
    if (!(await this.#index.schedule(nameOf(ref), options.ttlMs ?? null)))
      throw new CloudNodeError('blob_store_unavailable', 'A blob of this name is being deleted.');
    await this.#bucket.put(this.#pool + nameOf(ref), bytes);
  }

  async get(ref: BlobRef): Promise<Uint8Array | null> {
    return this.#bucket.get(this.#pool + nameOf(ref));
  }

  giveBack(bytes: Uint8Array): void {
    this.#bucket.giveBack(bytes);
  }

  async keep(refs: readonly BlobRef[]): Promise<boolean> {
    return (await this.#index.unschedule(refs.map(nameOf))) === refs.length;
  }

  async delete(refs: readonly BlobRef[]): Promise<void> {
    const names = refs.map(nameOf);
    await this.#deleteObjects(names);
    await this.#index.unschedule(names);
  }

  async deleteRepo(repoId: string): Promise<void> {
    const start = `${this.#pool}${repoId}/`;
    for (;;) {
      const keys = await this.#bucket.list(start);
      if (keys.length === 0) return;
      await this.#bucket.delete(keys);
    }
  }

  async reap(): Promise<boolean> {
    const names = await this.#index.claimEnded({ limit: MAX_KEYS, leaseMs: REAP_LEASE_MS });
    await this.#deleteObjects(names);
    await this.#index.settle(names);
    return names.length === MAX_KEYS;
  }

  async ready(withinMs: number): Promise<void> {
    const place = placeOf(this.#bucket.location);
    const deadlineMs = performance.now() + withinMs;
    for (;;) {
      try {
        return await this.#bucket.head();
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        const problem = problemOf(error, status);
        if (problem !== null) throw new Error(`The ${place} can not be used: ${problem}`, { cause: error });
        if (performance.now() >= deadlineMs)
          throw new Error(
            `The ${place} did not answer within ${withinMs / 1000} s (${describe(error)}). ` +
              'Start the object store, or set BLOB_STORE to one that runs, or to redis.',
            { cause: error },
          );
        await sleep(LOOK_AGAIN_MS);
      }
    }
  }

  async close(): Promise<void> {
    this.#bucket.close();
  }

  async #deleteObjects(names: readonly string[]): Promise<void> {
    const keys = names.map((name) => this.#pool + name);
    for (let i = 0; i < keys.length; i += MAX_KEYS) await this.#bucket.delete(keys.slice(i, i + MAX_KEYS));
  }
}

function nameOf({ repoId, scope, shard, name }: BlobRef): string {
  return `${repoId}/${scope}/${shard}/${name}`;
}

/** What waiting does not mend; null: it may. */
function problemOf(error: unknown, status: number | undefined): string | null {
  if (status === 404) return 'there is none of this name. Create it, or correct BLOB_STORE.';
  if (status === 401 || status === 403)
    return 'it refuses us. Check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and what they may do.';
  if (status === 301 || status === 400)
    return 'the request is not right for it. Check the region and the endpoint in BLOB_STORE.';
  if (describe(error) === 'CredentialsProviderError')
    return 'there are no credentials. Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.';
  if (/region is missing/i.test((error as Error).message))
    return 'set its region: BLOB_STORE=s3://…?region=….';
  return null;
}
