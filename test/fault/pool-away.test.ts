import { setTimeout as pass } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { SessionEvent } from '../../src/core/decision.js';
import type { ExploraSession } from '../../src/explora/index.js';
import { Keys } from '../../src/redis/keys.js';
import { eventually } from '../helpers/eventually.js';
import { startPool, type TestPool } from '../helpers/pool.js';
import { LIBRARIES, SHARD_PARAMS, startFaultyRedis, startTraining, type FaultyRedis } from './redis-world.js';

const LEASE_MS = 4_000;
/** Longer than a Library may be silent (6 s) and then be away (LEASE_MS). The time itself is the fault here. */
const AWAY_MS = 6_000 + LEASE_MS;
const ALL = Object.keys(LIBRARIES).length;
/** Without all of them there is no round, so that waiting for its deadline shows. */
const JOB = {
  continuation: { value: 1, minUpdates: ALL },
  deadlines: { roundMs: 120_000, recruitMs: 5_000 },
} as const;

const setUp = async (): Promise<{ redis: FaultyRedis; pool: TestPool }> => {
  const redis = await startFaultyRedis();
  const env = { SHARD_PARAMS: String(SHARD_PARAMS), LEASE_MS: String(LEASE_MS) };
  return { redis, pool: await startPool({ redisUrl: redis.url, env }) };
};

/** The whole pool but Redis is killed, and after a time it is there again: the coordinator first. */
async function loseAll(
  pool: TestPool,
  redis: FaultyRedis,
  { repoId, sessionId }: { repoId: string; sessionId: string },
): Promise<void> {
  const [gateways, workers] = [pool.of('gateway'), [...pool.of('coordinator'), ...pool.of('aggregator')]];
  await Promise.all([...gateways, ...workers].map((node) => node.kill9()));
  await pass(AWAY_MS);
  await Promise.all(workers.map((node) => pool.replace(node)));
  // It has looked, when nobody could be there yet: a claimed session comes again in 5 s, one that was looked at in 2 s.
  const due = new Keys(pool.prefix).due();
  await eventually(
    async () => {
      const dueMs = await redis.admin.zscore(due, `${repoId}/${sessionId}`);
      const inMs = Number(dueMs) - 1_000 * Number((await redis.admin.time())[0]);
      return dueMs === null || (inMs > 0 && inMs < 3_500);
    },
    { withinMs: 10_000, everyMs: 50 },
  );
  await Promise.all(gateways.map((node) => pool.replace(node)));
}

async function eventsOf(session: ExploraSession): Promise<SessionEvent['type'][]> {
  const types: SessionEvent['type'][] = [];
  for await (const { event } of session.follow()) types.push(event.type);
  return types;
}

test('the whole pool away for longer than the leases in mid-round: all keep their assignments', async () => {
  const { redis, pool } = await setUp();
  const training = await startTraining(pool, { rounds: 2, slowMs: 3_000, job: JOB });
  await training.midRound(0);
  await loseAll(pool, redis, { repoId: training.repoId, sessionId: training.session.sessionId });
  await training.finish(30_000);
  const events = await eventsOf(training.session);
  expect(events.filter((type) => type === 'round.abandoned' || type === 'round.replaced')).toEqual([]);
}, 90_000);

test('Redis away for as long: all keep their assignments', async () => {
  const { redis, pool } = await setUp();
  const training = await startTraining(pool, { rounds: 2, slowMs: 3_000, job: JOB });
  await training.midRound(0);
  redis.proxy.cut();
  await pass(AWAY_MS);
  redis.proxy.resume();
  await training.finish(30_000);
  const events = await eventsOf(training.session);
  expect(events.filter((type) => type === 'round.abandoned' || type === 'round.replaced')).toEqual([]);
}, 90_000);

test('away while a session recruits: those who come then have their full time', async () => {
  const { redis, pool } = await setUp();
  const training = await startTraining(pool, {
    rounds: 1,
    slowMs: 50,
    job: { ...JOB, selection: { type: 'all', goal: ALL + 1 } },
  });
  await eventually(async () => (await training.session.get()).state === 'recruiting');
  await loseAll(pool, redis, { repoId: training.repoId, sessionId: training.session.sessionId });
  await training.finish(30_000);
}, 90_000);
