import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { parseClusterUrl, PoolCluster } from '../../src/redis/cluster-client.js';
import { connectRedis, duplicate, endConnection, type RedisClient } from '../../src/redis/connection.js';
import { publishHint, subscribeHints, type Hint } from '../../src/redis/hints.js';
import { Keys } from '../../src/redis/keys.js';
import { readServerInfo } from '../../src/redis/server-info.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { eventually } from '../helpers/eventually.js';
import { uniqueId } from '../helpers/namespace.js';
import { startCluster, type OwnCluster } from '../helpers/own-cluster.js';
import { suiteServer } from '../helpers/servers.js';
import { trainingWorld } from '../helpers/training-world.js';

const log = createLogger({ level: 'silent', role: 'test', nodeId: 'test' });
const connect = (url: string, purpose: 'requests' | 'background' = 'background', connectWithinMs = 5_000) =>
  connectRedis({ url, cluster: true, connectWithinMs }, { purpose, log });
const kill = (cluster: OwnCluster, index: number) => process.kill(cluster.nodes[index]?.pid ?? 0, 'SIGKILL');
/** ioredis connects to a node when something is asked of it. */
const touchAll = (redis: RedisClient) =>
  Promise.all(Array.from({ length: 30 }, (_, i) => redis.get(`k${i}`)));

/** Each is broken by one test; started together, because starting is mostly waiting. */
let clusters: Record<'guarded' | 'scattered' | 'lost' | 'halved' | 'heard', OwnCluster>;
beforeAll(async () => {
  const [guarded, scattered, lost, halved, heard] = await Promise.all([
    startCluster({ password: 's@c' }),
    ...([1, 2, 3, 4].map(() => startCluster()) as [Promise<OwnCluster>, ...Promise<OwnCluster>[]]),
  ]);
  clusters = { guarded, scattered, lost, halved, heard } as typeof clusters;
}, 60_000);
afterAll(() => Promise.all(Object.values(clusters).map((cluster) => cluster.stop())));

it('the bytes of a model and of an update spread over all masters; state and queues need no more than one each', async () => {
  const world = await trainingWorld({ cluster: true, paramCount: 48 * 8 });
  await world.blobs.put({ repoId: 'repo', scope: 's-1', shard: 0, name: 'w.x' }, new Uint8Array(4));
  for (let shard = 0; shard < 48; shard++)
    await world.blobs.put({ repoId: 'repo', scope: 's-1', shard, name: 'u.up' }, new Uint8Array(32));
  const { redis } = world.stores.context;
  if (!(redis instanceof Cluster)) throw new Error('no cluster');
  const masters = redis.nodes('master');
  expect(masters).toHaveLength(3);
  const prefix = world.config.REDIS_PREFIX;
  for (const [kind, pattern] of [
    ['update', `${prefix}:{repo:s-1:*}:u.up`],
    ['model', `${prefix}:{repo:up-1:*}:w.*`],
  ]) {
    const held = await Promise.all(masters.map(async (master) => (await master.keys(pattern ?? '')).length));
    expect(held.reduce((sum, count) => sum + count, 0)).toBe(48);
    // A third each, as far as chance goes: the tags are always the same, so this is no matter of luck.
    for (const count of held) expect([kind, count >= 8 && count <= 24]).toEqual([kind, true]);
  }
  const state = await Promise.all(masters.map((master) => master.keys(`${prefix}:{repo}:*`)));
  expect(state.filter((keys) => keys.length > 0)).toHaveLength(1);
});

describe('a connection to a cluster', () => {
  it('takes user, password and TLS of its URL for every node', () => {
    expect(parseClusterUrl('redis://a:7000,b,[::1]:7002')).toEqual({
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 6379 },
        { host: '::1', port: 7002 },
      ],
      credentials: {},
    });
    expect(parseClusterUrl('rediss://me:s%40c@a:7000').credentials).toEqual({
      username: 'me',
      password: 's@c',
      tls: {},
    });
  });

  it('reaches all masters of one with a password, also when it is duplicated', async () => {
    const { url } = clusters.guarded;
    const redis = await connect(url);
    const copy = duplicate(redis, 'background');
    for (const client of [redis, copy]) {
      const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
      await Promise.all(keys.map((key) => client.set(key, 'x')));
    }
    await endConnection(copy);
    await endConnection(redis);
  });

  it('is made through any node of the list, and made again through nodes that the list does not have', async () => {
    const cluster = clusters.scattered;
    const [a, b] = cluster.nodes.map((node) => `127.0.0.1:${node.port}`);
    const listed = await connect(`redis://127.0.0.1:1,${a}`);
    const found = await connect(`redis://${a}`);
    expect(await listed.get('x')).toBeNull();
    await endConnection(listed);

    // Nothing of what it was told is left, and all connections are cut.
    const elsewhere = cluster.nodes[1];
    if (elsewhere === undefined || b === undefined) throw new Error('no second master');
    for (const node of cluster.nodes)
      await cluster.ask(node, (redis) => redis.config('SET', 'cluster-require-full-coverage', 'no'));
    await touchAll(found);
    const cut = cluster.nodes
      .slice(1)
      .map((node) => cluster.ask(node, (redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal')));
    kill(cluster, 0);
    await Promise.all(cut);
    await eventually(() => found.status !== 'ready');
    const key = await cluster.ask(elsewhere, async (redis) => {
      for (let i = 0; ; i++)
        if (
          await redis.get(`k${i}`).then(
            () => true,
            () => false,
          )
        )
          return `k${i}`;
    });
    await eventually(async () => (await found.set(key, 'y')) === 'OK', { withinMs: 10_000 });
    await endConnection(found);
  }, 30_000);

  it('fails requests in time while no node answers, and says what the last node said at start', async () => {
    const cluster = clusters.lost;
    const redis = await connect(cluster.url, 'requests');
    await touchAll(redis);
    for (const index of [0, 1, 2]) kill(cluster, index);
    await eventually(() => redis.status !== 'ready');
    const startedMs = performance.now();
    await expect(redis.get('x')).rejects.toThrow('Command timed out');
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    redis.disconnect();

    const plain = connect(suiteServer({ cluster: false }).url, 'background', 500);
    await expect(plain).rejects.toThrow(/cluster support disabled/);
  }, 30_000);

  it('says of its memory what the other masters say when one is gone', async () => {
    const cluster = clusters.halved;
    const redis = await connect(cluster.url);
    kill(cluster, 2);
    const info = await readServerInfo({ redis, keys: new Keys(uniqueId('t')) });
    expect(info).toMatchObject({ maxMemoryBytes: 0, appendOnly: false });
    expect(info.usedMemoryBytes).toBeGreaterThan(100_000);
    redis.disconnect();
  });
});

it('hints come from any master to any other; a listener whose master is lost takes another and says that it missed some', async () => {
  const cluster = clusters.heard;
  const redis = await connect(cluster.url);
  const context = { redis, keys: new Keys(uniqueId('t')) };
  const heard: Hint[] = [];
  let gaps = 0;
  const stop = await subscribeHints(context, { onHint: (hint) => heard.push(hint), onGap: () => gaps++ });
  const hint = (sessionId: string): Hint => ({ kind: 'session', repoId: 'repo', sessionId });
  for (let i = 0; i < 10; i++) await publishHint(context, hint(`s-${i}`));
  await eventually(() => expect(heard).toHaveLength(10));

  for (const node of cluster.nodes)
    await cluster.ask(node, (admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
  await eventually(() => gaps === 1);
  await publishHint(context, hint('s-10'));
  await eventually(() => expect(heard.at(-1)).toEqual(hint('s-10')));
  await stop();
  await endConnection(redis);
});

it('lets no command of a further client wait longer than one of the first', async () => {
  const first = new PoolCluster('redis://127.0.0.1:1', { commandTimeout: 300 });
  const further = duplicate(first);
  for (const client of [first, further]) {
    client.on('error', () => undefined);
    await expect(client.getBuffer('key')).rejects.toThrow('timed out');
    client.disconnect();
  }
});
