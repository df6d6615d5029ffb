import { setTimeout as pass } from 'node:timers/promises';
import { test } from '@jest/globals';
import { startPool } from '../helpers/pool.js';
import { SHARD_PARAMS, startFaultyRedis, startTraining } from './redis-world.js';

test('a network to Redis that breaks, then hangs, costs time only', async () => {
  const redis = await startFaultyRedis();
  const pool = await startPool({ redisUrl: redis.url, env: { SHARD_PARAMS: String(SHARD_PARAMS) } });
  const training = await startTraining(pool, { rounds: 4 });

  await training.midRound(1);
  redis.proxy.cut();
  // The fault itself lasts this long; nothing is waited for.
  await pass(1_500);
  redis.proxy.resume();

  await training.midRound(2);
  redis.proxy.stall();
  await pass(2_000);
  redis.proxy.resume();
  await training.finish();
}, 60_000);
