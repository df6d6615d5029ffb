import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../telemetry/logger.js';
import { PoolCluster } from './cluster-client.js';
import { parseSentinels, placeOf, type RedisConfig } from './redis-config.js';
import { sendTogether } from './send-together.js';

export type RedisClient = Redis | PoolCluster;

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
  const redis = createClient(config, options);
  if (options.purpose === 'requests') sendTogether(redis);
  let lastError: Error | null = null;
  redis.on('error', (error: Error & { lastNodeError?: Error | null }) => {
    // Of a cluster: what the last node that was tried had to say.
    const cause = error.lastNodeError ?? error;
    lastError = cause;
    options.log.warn({ err: cause.message }, 'redis connection error');
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
          `Redis at ${placeOf(config)} did not answer within ${config.connectWithinMs / 1000} s (${message || 'no connection'}). ` +
            (config.sentinels === undefined
              ? 'Start it, or set REDIS_URL to one that runs; `cloud-node up` brings its own.'
              : 'See whether REDIS_SENTINELS run, know REDIS_SENTINEL_NAME, and have a master for it.'),
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function createClient(
  config: RedisConfig,
  { purpose, log }: { readonly purpose: Purpose; readonly log: Logger },
): RedisClient {
  const common = {
    // Jittered, capped: a thousand clients of a restarted Redis do not come back in one instant.
    retryStrategy: (times: number): number =>
      Math.min(2_000, 50 * 2 ** Math.min(times, 6)) * (0.5 + Math.random() / 2),
    maxRetriesPerRequest: null,
    // A machine that vanished closes nothing: whoever only listens finds out by this.
    keepAlive: 10_000,
    // A demoted master took nothing: connecting again finds the new one, which is sent the same command.
    reconnectOnError: (error: Error): 2 | false => {
      if (!error.message.startsWith('READONLY')) return false;
      log.warn({ err: error.message }, 'redis is no master (any more), connecting again');
      return 2;
    },
    ...(purpose === 'requests' ? { commandTimeout: REQUEST_TIMEOUT_MS } : {}),
  };
  if (config.sentinels !== undefined) {
    return new Redis(config.url, {
      ...common,
      name: config.sentinelName ?? 'mymaster',
      sentinels: parseSentinels(config.sentinels),
      // They say when there is a new master: the old one may be a machine that hangs and never breaks a connection.
      failoverDetector: true,
      // Until they agree on a new master there is none: ask again soon, it is what everybody waits for.
      sentinelRetryStrategy: (times: number): number => Math.min(1_000, 100 * times),
    });
  }
  if (!config.cluster) return new Redis(config.url, common);
  return new PoolCluster(config.url, common);
}

/** A further connection of the same kind, or of the given one. */
export function duplicate(
  redis: RedisClient,
  purpose?: Purpose,
  options: Pick<RedisOptions, 'Connector' | 'protocol'> = {},
): RedisClient {
  // Nobody waits for the commands that a subscriber sends by itself, so their timeout would be an unhandled rejection.
  const override = {
    ...options,
    ...(purpose === 'background' ? ({ commandTimeout: undefined } as object) : {}),
  };
  const copy = redis instanceof PoolCluster ? redis.another(override) : redis.duplicate(override);
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
