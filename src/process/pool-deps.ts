import type { BlobStore } from '../blobs/blob-store.js';
import { createBlobStore } from '../blobs/create-blob-store.js';
import type { Config } from '../config/env.js';
import { connectRedis, endConnection, type Purpose } from '../redis/connection.js';
import { Keys } from '../redis/keys.js';
import { WorkQueues } from '../redis/queues.js';
import { redisConfig } from '../redis/redis-config.js';
import { createStores, type Stores } from '../redis/stores.js';
import type { Logger } from '../telemetry/logger.js';
import { tracesUrl } from '../telemetry/tracing.js';

/** What every role of the pool works with. */
export interface PoolDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
}

/** Connects; waits for Redis as long as the configuration says. */
export async function connectPool(
  config: Config,
  { log, purpose }: { readonly log: Logger; readonly purpose: Purpose },
): Promise<PoolDeps> {
  const redis = await connectRedis(redisConfig(config), { purpose, log });
  const context = { redis, keys: new Keys(config.REDIS_PREFIX) };
  return {
    config,
    log,
    stores: createStores(context, { auditMaxEntries: config.AUDIT_MAX_ENTRIES, log }),
    blobs: await createBlobStore(config, context, log),
    queues: new WorkQueues(context, { traced: tracesUrl(config) !== null }),
  };
}

export async function disconnectPool(deps: PoolDeps): Promise<void> {
  await deps.queues.close();
  await deps.blobs.close();
  await endConnection(deps.stores.context.redis);
}
