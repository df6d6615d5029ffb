import { test } from '@jest/globals';
import { startPool } from '../helpers/pool.js';
import { SHARD_PARAMS, startFaultyRedis, startTraining } from './redis-world.js';

test('a Redis that is stopped, then killed, and started again with its append-only file costs time only', async () => {
  const redis = await startFaultyRedis();
  const pool = await startPool({ redisUrl: redis.url, env: { SHARD_PARAMS: String(SHARD_PARAMS) } });
  const training = await startTraining(pool, { rounds: 4 });
  for (const [version, how] of [
    [1, 'SIGTERM'],
    [2, 'SIGKILL'],
  ] as const) {
    await training.midRound(version);
    await redis.end(how);
    await redis.startAgain();
  }
  await training.finish();
}, 60_000);
