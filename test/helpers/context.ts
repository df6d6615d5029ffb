import { afterEach } from '@jest/globals';
import { connectRedis } from '../../src/redis/connection.js';
import { Keys } from '../../src/redis/keys.js';
import { WorkQueues } from '../../src/redis/queues.js';
import { createStores, type Stores } from '../../src/redis/stores.js';
import { createLogger, type Logger } from '../../src/telemetry/logger.js';
import type { BlobStore } from '../../src/blobs/blob-store.js';
import { createBlobStore, type BlobEnv } from '../../src/blobs/create-blob-store.js';
import { uniqueId } from './namespace.js';

export interface TestContext {
  readonly prefix: string;
  readonly redisUrl: string;
  readonly cluster: boolean;
  readonly stores: Stores;
  readonly blobs: BlobStore;
  readonly queues: WorkQueues;
  readonly log: Logger;
}

/** Where the suite runs: a plain Redis, and a cluster that refuses what crosses slots or is not declared. */
export const SERVERS = [
  { server: 'Redis', cluster: false },
  { server: 'Redis Cluster', cluster: true },
] as const;

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Stores over the real test server under a prefix of their own; closed and emptied after the test. */
export async function testContext({
  cluster = false,
  blobEnv = { BLOB_STORE: 'redis' },
}: { cluster?: boolean; blobEnv?: BlobEnv } = {}): Promise<TestContext> {
  const redisUrl = (cluster ? process.env['TEST_REDIS_CLUSTER_URL'] : process.env['TEST_REDIS_URL']) ?? '';
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
    blobs.close();
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

async function removeKeys(redis: Awaited<ReturnType<typeof connectRedis>>, prefix: string): Promise<void> {
  for (const key of await allKeys(redis, prefix)) await redis.unlink(key);
}

/** Every key of a prefix, BullMQ's included: what tests look at to see that nothing is left behind. */
export async function allKeys(
  redis: Awaited<ReturnType<typeof connectRedis>>,
  prefix: string,
): Promise<string[]> {
  const node = 'nodes' in redis ? redis.nodes('master')[0] : redis;
  if (node === undefined) return [];
  const found = await Promise.all([node.keys(`${prefix}:*`), node.keys(`{${prefix}:*`)]);
  return found.flat().sort();
}
