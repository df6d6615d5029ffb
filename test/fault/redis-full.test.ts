import { expect, test } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { putByHand, relieveSlow } from './redis-by-hand.js';
import { SHARD_PARAMS, startFaultyRedis, startTraining } from './redis-world.js';

/**
 * How much Redis may use, when it uses so much. The first has room enough, and only gateways that have noticed refuse
 * uploads; the second is below what Redis needs for itself, and no upload ever fits.
 */
test.each([
  { who: 'the watermark', share: '0.5', most: (used: number) => Math.floor(1.5 * used), isNoticed: true },
  { who: 'Redis itself', share: '1', most: () => 1, isNoticed: false },
])(
  'a full Redis: $who refuses uploads, what was counted stays, and room lets the session go on',
  async ({ share, most, isNoticed }) => {
    const redis = await startFaultyRedis();
    const env = { SHARD_PARAMS: String(SHARD_PARAMS), MEMORY_WATERMARK: share };
    const pool = await startPool({ redisUrl: redis.url, env });
    const training = await startTraining(pool, { rounds: 3, slowMs: 600_000 });
    const received = async (): Promise<number> => (await training.session.get()).received;
    await eventually(async () => (await received()) === 4, { withinMs: 15_000 });

    const used = Number(/^used_memory:(\d+)/m.exec(await redis.admin.info('memory'))?.[1]);
    await redis.admin.config('SET', 'maxmemory', String(most(used)));
    const line = `cloud_node_redis_max_memory_bytes ${most(used)}\n`;
    const metrics = async (): Promise<string> => (await pool.fetch('/metrics')).text();
    if (isNoticed) await eventually(async () => (await metrics()).includes(line));
    const refused = await putByHand(pool, training);
    expect(refused).toMatchObject({ status: 503, code: 'storage_full' });
    expect(refused.retryAfter).toBeGreaterThanOrEqual(1);
    expect(await putByHand(pool, training)).toMatchObject({ status: 503, code: 'storage_full' });
    expect(await received()).toBe(4);

    await redis.admin.config('SET', 'maxmemory', '0');
    await eventually(async () => (await putByHand(pool, training)).status === 200, { withinMs: 10_000 });
    await relieveSlow(pool, training);
    await training.finish();
  },
  60_000,
);
