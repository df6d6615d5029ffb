import type { RedisClient } from './connection.js';
import type { Keys } from './keys.js';
import { runScript } from './run-script.js';
import { SharedReads } from './shared-reads.js';

/** What every store needs. */
export interface RedisContext {
  readonly redis: RedisClient;
  readonly keys: Keys;
}

const clocks = new WeakMap<RedisClient, SharedReads<number>>();

/**
 * Redis's own clock, ms: the only one that deadlines are compared with. In a cluster it is that of the master that has
 * the Repo's state, which stamps its presence and receipts too: another master's may differ.
 */
export async function redisNowMs({ redis, keys }: RedisContext, repoId: string): Promise<number> {
  const clock = clocks.get(redis) ?? new SharedReads<number>();
  clocks.set(redis, clock);
  const key = keys.repoRecord(repoId);
  return clock.read(key, async () => Number(await runScript(redis, 'readClock', { keys: [key], args: [] })));
}
