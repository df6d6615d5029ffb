import type { RedisClient } from './connection.js';
import type { Keys } from './keys.js';

/** What every store needs. */
export interface RedisContext {
  readonly redis: RedisClient;
  readonly keys: Keys;
}

/** Redis's own clock, ms: the only one that deadlines are compared with. */
export async function redisNowMs({ redis }: RedisContext): Promise<number> {
  const [seconds, microseconds] = (await redis.time()) as unknown as [string | number, string | number];
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
