import { Worker, type Processor } from 'bullmq';
import { countJobs } from './count-jobs.js';
import { traceJobs } from './trace-jobs.js';
import type { PoolDeps } from '../src/process/pool-deps.js';
import type { RunningWorker } from './worker-role.js';

/** Memory of a thread for what was made lately, MiB. */
const YOUNG_MIB = 4;

export interface JobWorkerOptions {
  readonly queue: string;
  /** What a job does without computing here; or a compiled module whose default export does it, each job in a thread. */
  readonly process: Processor | URL;
  readonly slots: number;
}

/**
 * A BullMQ worker for jobs that compute in threads: that never keeps this thread, which renews the locks, from its
 * work. Locks are short, so that the job of a killed process is given to another one within seconds.
 */
export function startJobWorker(deps: PoolDeps, { queue, process, slots }: JobWorkerOptions): RunningWorker {
  const { context } = deps.stores;
  let busy = 0;
  const worker = new Worker(queue, process, {
    connection: context.redis,
    prefix: context.keys.queuePrefix(queue),
    concurrency: slots,
    useWorkerThreads: true,
    // Not the options of this process: not every one of them is allowed in a thread. Little is new for long in one.
    workerThreadsOptions: { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } },
    lockDuration: 3_000,
    stalledInterval: 1_000,
    maxStalledCount: 1_000,
    skipWaitingForReady: true,
  });
  worker.on('active', () => busy++);
  worker.on('completed', () => busy--);
  countJobs(worker, queue);
  traceJobs(worker, queue);
  worker.on('failed', (job, error) => {
    busy = Math.max(0, busy - 1);
    deps.log.error({ job: job?.data as unknown, err: error.message }, 'job failed');
  });
  worker.on('error', (error) => deps.log.warn({ err: error.message }, 'queue error'));
  return { slots, busySlots: () => busy, close: () => worker.close() };
}
