import type { RedisContext } from './context.js';
import { runScript } from './run-script.js';

/** Names in one command: bounds how long Redis is busy with it. */
const AT_ONCE = 1_000;

/** When blobs end that a store without times to live holds. One that is in neither list stays. */
export class BlobIndex {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** To be called before the blob is stored; `null`: it stays. @returns false when it is being deleted at this moment */
  async schedule(blob: string, ttlMs: number | null): Promise<boolean> {
    const args = [blob, ttlMs === null ? '' : Math.max(1, Math.round(ttlMs))];
    return (await this.#run('scheduleBlob', args)) === 1;
  }

  /** They do not end any more. @returns how many were still scheduled */
  async unschedule(blobs: readonly string[]): Promise<number> {
    const { redis, keys } = this.#context;
    let count = 0;
    for (let i = 0; i < blobs.length; i += AT_ONCE)
      count += await redis.zrem(keys.blobsEnding(), ...blobs.slice(i, i + AT_ONCE));
    return count;
  }

  /** Blobs that ended, to be deleted by the caller alone for `leaseMs`; after that somebody else is given them. */
  async claimEnded(options: { limit: number; leaseMs: number }): Promise<string[]> {
    return (await this.#run('claimEnded', [options.limit, options.leaseMs])) as string[];
  }

  /** What was claimed is deleted. */
  async settle(blobs: readonly string[]): Promise<void> {
    const { redis, keys } = this.#context;
    for (let i = 0; i < blobs.length; i += AT_ONCE)
      await redis.zrem(keys.blobsReaped(), ...blobs.slice(i, i + AT_ONCE));
  }

  #run(name: 'scheduleBlob' | 'claimEnded', args: (string | number)[]): Promise<unknown> {
    const { redis, keys } = this.#context;
    return runScript(redis, name, { keys: [keys.blobsEnding(), keys.blobsReaped()], args });
  }
}
