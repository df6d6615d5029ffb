import { expect, test } from '@jest/globals';
import { eventually } from '../helpers/eventually.js';
import { startPool } from '../helpers/pool.js';
import { putByHand, relieveSlow } from './redis-by-hand.js';
import { SHARD_PARAMS, startFaultyRedis, startTraining } from './redis-world.js';

test('an update that meets a paused Redis is answered late or told to come back, and counted once', async () => {
  const redis = await startFaultyRedis();
  const pool = await startPool({ redisUrl: redis.url, env: { SHARD_PARAMS: String(SHARD_PARAMS) } });
  const training = await startTraining(pool, { rounds: 3, slowMs: 600_000 });
  await eventually(async () => (await training.session.get()).received === 4, { withinMs: 15_000 });

  await redis.admin.call('CLIENT', 'PAUSE', '3000', 'ALL');
  const pausedMs = performance.now();
  const answer = await putByHand(pool, training);
  if (answer.status === 200) {
    expect(performance.now() - pausedMs).toBeGreaterThan(2_000);
  } else {
    expect(answer).toMatchObject({ status: 503, code: 'redis_unavailable' });
    expect(answer.retryAfter).toBeGreaterThanOrEqual(1);
    await eventually(async () => (await putByHand(pool, training)).status === 200, { withinMs: 10_000 });
  }
  // Said again, it is known.
  expect((await putByHand(pool, training)).status).toBe(200);
  await relieveSlow(pool, training);

  // Now all of them meet one, in a round of their own.
  await eventually(async () => (await training.session.get()).version >= 1, { withinMs: 15_000 });
  await redis.admin.call('CLIENT', 'PAUSE', '3000', 'ALL');
  await training.finish();
}, 60_000);
