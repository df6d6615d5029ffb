import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, type Redis } from 'ioredis';
import { connectRedis, type RedisClient } from '../../src/redis/connection.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { eventually } from '../helpers/eventually.js';
import { uniqueId } from '../helpers/namespace.js';
import { connectTo, SERVERS, suiteServer } from '../helpers/servers.js';

const log = createLogger({ level: 'silent', role: 'test', nodeId: 'test' });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The connections that commands go over. */
function nodesOf(redis: RedisClient): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/** Those of a cluster connect when they are needed first, and what is given meanwhile is in no order. */
async function connectAll(redis: RedisClient): Promise<void> {
  await Promise.all(nodesOf(redis).map((node) => node.ping()));
}

describe.each(SERVERS)('commands for clients, on $server', ({ cluster }) => {
  let redis: RedisClient;
  let other: RedisClient;
  const prefix = uniqueId('together');
  beforeAll(async () => {
    const server = { ...suiteServer({ cluster }), connectWithinMs: 5_000 };
    redis = await connectRedis(server, { purpose: 'requests', log });
    other = await connectTo(server);
    await connectAll(redis);
  });
  afterAll(() => {
    redis.disconnect();
    other.disconnect();
  });

  it('leave together at the end of a turn, in order', async () => {
    const key = `${prefix}:order`;
    const given = Array.from({ length: 50 }, (_, i) => redis.rpush(key, String(i)));
    const waiting = nodesOf(redis).map(({ stream }) => stream.writableLength);
    expect(waiting.some((bytes) => bytes > 50 * key.length)).toBe(true);
    await turn();
    expect(nodesOf(redis).map(({ stream }) => stream.writableCorked)).toEqual(waiting.map(() => 0));
    expect(await Promise.all(given)).toEqual(given.map((_, i) => i + 1));
    expect(await other.lrange(key, 0, -1)).toEqual(given.map((_, i) => String(i)));
    await other.del(key);
  });

  it('also bytes among text, and over a connection that is a new one', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
    const put = async (name: string): Promise<void> => {
      const key = `${prefix}:${name}`;
      await Promise.all([redis.set(key, bytes), redis.append(key, 'end')]);
      expect(await redis.getBuffer(key)).toEqual(Buffer.concat([bytes, Buffer.from('end')]));
      await other.del(key);
    };
    await put('before');
    nodesOf(redis).forEach((node) => node.stream.destroy());
    await eventually(() => connectAll(redis));
    await put('after');
    await turn();
    const open = nodesOf(redis).filter(({ status }) => status === 'ready');
    expect(open.map(({ stream }) => stream.writableCorked)).toEqual(open.map(() => 0));
  });
});
