import { Worker, type Job } from 'bullmq';
import { coordinateJob, QUEUES } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import type { SessionKey } from '../../src/redis/pool-registry.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import type { RunningWorker } from '../worker-role.js';
import { countJobs } from '../count-jobs.js';
import { traceJobs } from '../trace-jobs.js';
import { startPoolMetrics } from './pool-metrics.js';
import { startReaping } from './reap-blobs.js';
import { reconcileSession } from './reconcile-session.js';
import { startSweep } from './sweep.js';

/** Reconciling is waiting for Redis, not computing, so many at once are fine. */
const CONCURRENCY = 16;

/** Reconciles whatever is woken by the queue, and by the sweep whatever the queue forgot. */
export function startCoordinator(deps: PoolDeps): RunningWorker {
  const { context } = deps.stores;
  let busy = 0;
  const look = async (key: SessionKey): Promise<void> => {
    busy++;
    try {
      await reconcileSession(deps, key);
    } catch (error) {
      // The session stays due: the sweep comes back to it.
      deps.log.error({ ...key, err: error }, 'reconcile failed');
    } finally {
      busy--;
    }
  };
  const handle = async (job: Job, token?: string): Promise<void> => {
    await leaveNewerForOthers(job, token);
    await look(parse(coordinateJob, job.data));
  };
  const worker = new Worker(QUEUES.coordinate, handle, {
    connection: context.redis,
    prefix: context.keys.queuePrefix(QUEUES.coordinate),
    concurrency: CONCURRENCY,
    lockDuration: 5_000,
    stalledInterval: 2_000,
    maxStalledCount: 1_000,
    skipWaitingForReady: true,
  });
  worker.on('error', (error) => deps.log.warn({ err: error.message }, 'queue error'));
  countJobs(worker, QUEUES.coordinate);
  traceJobs(worker, QUEUES.coordinate);
  const numbers = startPoolMetrics(deps);
  const sweep = startSweep(deps, look);
  const reaping = startReaping(deps);
  return {
    slots: CONCURRENCY,
    busySlots: () => busy,
    close: async () => {
      await sweep.stop();
      await worker.close();
      await reaping.stop();
      await numbers.stop();
    },
  };
}
