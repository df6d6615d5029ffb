import { Cluster, Redis } from 'ioredis';
import type { Logger } from '../telemetry/logger.js';

export type RedisClient = Redis | Cluster;

export interface RedisConfig {
  /** `redis://…`, `rediss://…` or the path of a Unix socket. */
  readonly url: string;
  /** The URL is one node of a Redis Cluster. */
  readonly cluster: boolean;
  /** How long to wait for Redis at start before giving up. */
  readonly connectWithinMs: number;
}

/** What a connection is for decides how it behaves while Redis is away. */
export type Purpose =
  /** Requests of clients: fail within seconds, the client tries again. */
  | 'requests'
  /** Queues, subscriptions, background work: wait as long as it takes. */
  | 'background';

const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Connects and waits until Redis answers; retries with back-off for `connectWithinMs`, then throws an error that says
 * what to do. Always has an `error` handler: a lost connection is logged and comes back by itself.
 */
export async function connectRedis(
  config: RedisConfig,
  options: { purpose: Purpose; log: Logger },
): Promise<RedisClient> {
  const redis = createClient(config, options.purpose);
  let lastError: Error | null = null;
  redis.on('error', (error: Error) => {
    lastError = error;
    options.log.warn({ err: error.message }, 'redis connection error');
  });
  const deadlineMs = Date.now() + config.connectWithinMs;
  for (;;) {
    try {
      await withTimeout(redis.ping(), Math.max(1, deadlineMs - Date.now()));
      return redis;
    } catch (error) {
      lastError ??= error as Error;
      if (Date.now() >= deadlineMs) {
        redis.disconnect();
        const { message } = lastError;
        throw new Error(
          `Redis at ${redact(config.url)} did not answer within ${config.connectWithinMs / 1000} s (${message || 'no connection'}). ` +
            'Start it, or set REDIS_URL to one that runs; `cloud-node up` brings its own.',
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function createClient(config: RedisConfig, purpose: Purpose): RedisClient {
  const common = {
    // Jittered, capped: a thousand clients of a restarted Redis do not come back in one instant.
    retryStrategy: (times: number): number =>
      Math.min(2_000, 50 * 2 ** Math.min(times, 6)) * (0.5 + Math.random() / 2),
    maxRetriesPerRequest: null,
    ...(purpose === 'requests' ? { commandTimeout: REQUEST_TIMEOUT_MS } : {}),
  };
  if (!config.cluster) return new Redis(config.url, common);
  return new Cluster([config.url], {
    redisOptions: common,
    clusterRetryStrategy: (times: number) => Math.min(2_000, 100 * times),
  });
}

/** A further connection of the same kind, or of the given one. */
export function duplicate(redis: RedisClient, purpose?: Purpose): RedisClient {
  // Nobody waits for the commands that a subscriber sends by itself, so their timeout would be an unhandled rejection.
  const override = purpose === 'background' ? ({ commandTimeout: undefined } as object) : {};
  const copy: RedisClient =
    redis instanceof Cluster ? redis.duplicate([], { redisOptions: override }) : redis.duplicate(override);
  copy.on('error', () => {
    // Logged by the connection it was made from, which meets the same trouble.
  });
  return copy;
}

/** Ends a connection politely; one that is not up would wait to say good-bye for as long as Redis is away. */
export async function endConnection(redis: RedisClient): Promise<void> {
  if (redis.status === 'ready') await redis.quit().catch(() => redis.disconnect());
  else redis.disconnect();
}

/** Without the password, for logs and messages. */
export function redact(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
