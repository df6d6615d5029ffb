import type { Redis } from 'ioredis';
import { connectRedis, type RedisClient } from '../../src/redis/connection.js';
import { createLogger } from '../../src/telemetry/logger.js';

/** A Redis of some kind, as the pool is told of it. */
export interface TestServer {
  readonly url: string;
  readonly cluster: boolean;
}

/** The suite's own servers: a plain one, and a cluster of three masters. */
export function suiteServer({ cluster }: { cluster: boolean }): TestServer {
  return { url: process.env[cluster ? 'TEST_REDIS_CLUSTER_URL' : 'TEST_REDIS_URL'] ?? '', cluster };
}

/** The one for tests to which it makes no difference: the cluster when the suite runs as `npm test -- --cluster`. */
export const onCluster = process.env['TEST_REDIS'] === 'cluster';
export const defaultServer = (): TestServer => suiteServer({ cluster: onCluster });

/** For tests of code that speaks Redis: always both. */
export const SERVERS = [
  { server: 'Redis', cluster: false },
  { server: 'Redis Cluster', cluster: true },
] as const;

/** The variables that tell a process where it is. */
export function serverEnv({ url, cluster }: TestServer): { REDIS_URL: string; REDIS_CLUSTER: string } {
  return { REDIS_URL: url, REDIS_CLUSTER: String(cluster) };
}

/** A connection of the test's own: to look, and to leave nothing behind. End it. */
export async function connectTo({ url, cluster }: TestServer): Promise<RedisClient> {
  const log = createLogger({ level: 'silent', role: 'test', nodeId: 'test' });
  return connectRedis({ url, cluster, connectWithinMs: 5_000 }, { purpose: 'background', log });
}

/** Each by itself: what only one server answers for, and only for itself. */
export function mastersOf(redis: RedisClient): Redis[] {
  return 'nodes' in redis ? redis.nodes('master') : [redis];
}

/** Every key of a prefix, BullMQ's included, on all masters: to see that nothing is left behind. */
export async function allKeys(redis: RedisClient, prefix: string): Promise<string[]> {
  const found = await Promise.all(
    mastersOf(redis).flatMap((node) => [node.keys(`${prefix}:*`), node.keys(`{${prefix}:*`)]),
  );
  return found.flat().sort();
}

export async function removeKeys(redis: RedisClient, prefix: string): Promise<void> {
  await Promise.all((await allKeys(redis, prefix)).map((key) => redis.unlink(key)));
}
