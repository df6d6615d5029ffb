import type { BlobStore } from '../src/blobs/blob-store.js';
import { createBlobStore } from '../src/blobs/create-blob-store.js';
import type { Config } from '../src/config/env.js';
import { connectRedis, endConnection } from '../src/redis/connection.js';
import { Keys } from '../src/redis/keys.js';
import { WorkQueues } from '../src/redis/queues.js';
import { redisConfig } from '../src/redis/redis-config.js';
import { createStores, type Stores } from '../src/redis/stores.js';
import type { Logger } from '../src/telemetry/logger.js';
import { tracesUrl } from '../src/telemetry/tracing.js';

/** What every worker works with. */
export interface WorkerDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
}

/** Connects; waits for Redis as long as the configuration says. */
export async function createWorkerDeps(config: Config, log: Logger): Promise<WorkerDeps> {
  const redis = await connectRedis(redisConfig(config), { purpose: 'background', log });
  const context = { redis, keys: new Keys(config.REDIS_PREFIX) };
  return {
    config,
    log,
    stores: createStores(context, { auditMaxEntries: config.AUDIT_MAX_ENTRIES, log }),
    blobs: await createBlobStore(config, context, log),
    queues: new WorkQueues(context, { traced: tracesUrl(config) !== null }),
  };
}

export async function closeWorkerDeps(deps: WorkerDeps): Promise<void> {
  await deps.queues.close();
  await deps.blobs.close();
  await endConnection(deps.stores.context.redis);
}
