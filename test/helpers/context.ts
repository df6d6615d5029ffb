import { afterEach } from '@jest/globals';
import { connectRedis } from '../../src/redis/connection.js';
import { Keys } from '../../src/redis/keys.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createStores, type Stores } from '../../src/redis/stores.js';
import { createLogger, type Logger } from '../../src/telemetry/logger.js';
import type { BlobStore } from '../../src/blobs/blob-store.js';
import { createBlobStore, type BlobEnv } from '../../src/blobs/create-blob-store.js';
import { uniqueId } from './namespace.js';
import { onCluster, removeKeys, suiteServer } from './servers.js';

export interface TestContext {
  readonly prefix: string;
  readonly redisUrl: string;
  readonly cluster: boolean;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
  readonly log: Logger;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Stores over the real test server under a prefix of their own; closed and emptied after the test. */
export async function testContext({
  cluster = onCluster,
  blobEnv = { BLOB_STORE: 'redis' },
}: { cluster?: boolean; blobEnv?: BlobEnv } = {}): Promise<TestContext> {
  const { url: redisUrl } = suiteServer({ cluster });
  const log = createLogger({
    level: process.env['TEST_LOG_LEVEL'] ?? 'silent',
    role: 'test',
    nodeId: 'test',
  });
  const redis = await connectRedis(
    { url: redisUrl, cluster, connectWithinMs: 5_000 },
    { purpose: 'background', log },
  );
  const prefix = uniqueId('t');
  const context = { redis, keys: new Keys(prefix) };
  const queues = new WorkQueues(context);
  const blobs = await createBlobStore(blobEnv, context, log);
  open.push(async () => {
    await queues.close();
    await blobs.close();
    await removeKeys(redis, prefix);
    await redis.quit();
  });
  return {
    prefix,
    redisUrl,
    cluster,
    stores: createStores(context),
    blobs,
    queues,
    log,
  };
}
