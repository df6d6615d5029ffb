import { describe, expect, test } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import { NEWEST_QUEUE_VERSION, QUEUES } from '../../src/protocol/queue.js';
import { startPool } from '../helpers/pool.js';
import { Keys } from '../../src/redis/keys.js';
import { eventually } from '../helpers/eventually.js';
import { connectTo } from '../helpers/servers.js';

describe('two releases side by side', () => {
  test.each([
    [QUEUES.coordinate, 'coordinator'],
    [QUEUES.aggregate, 'aggregator'],
  ] as const)('a job of a newer release in %s is left for a newer %s', async (queueName, role) => {
    const pool = await startPool({ roles: { gateway: 0, coordinator: 0, aggregator: 0, [role]: 1 } });
    const redis = await connectTo(pool.server);
    const prefix = new Keys(pool.prefix).queuePrefix(queueName);
    const queue = new Queue(queueName, { connection: redis, prefix });
    const data = { v: NEWEST_QUEUE_VERSION + 1, repoId: 'repo', sessionId: 's-1', novelty: true };
    await queue.add('newer', data, { jobId: 'newer', removeOnFail: true, removeOnComplete: true });

    // The old process takes it up and puts it back, unharmed.
    const state = (): Promise<string> => queue.getJobState('newer');
    await eventually(async () => (await state()) === 'delayed', { withinMs: 10_000 });
    const done: unknown[] = [];
    const newer = new Worker(
      queueName,
      (job) => {
        done.push(job.data);
        return Promise.resolve();
      },
      { connection: redis, prefix },
    );
    await pool.of(role)[0]?.stop();
    await eventually(() => done.length > 0, { withinMs: 10_000 });
    expect(done).toEqual([data]);
    await newer.close();
    await queue.close();
    await redis.quit();
  });
});
