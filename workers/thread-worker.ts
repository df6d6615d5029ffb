import { Worker } from 'bullmq';
import { countJobs } from './count-jobs.js';
import { traceJobs } from './trace-jobs.js';
import type { WorkerDeps } from './deps.js';
import type { RunningWorker } from './run-worker.js';

/** Memory of a thread for what was made lately. */
const YOUNG_MIB = 4;

export interface ThreadWorkerOptions {
  readonly queue: string;
  /** A compiled module whose default export processes a job; runs in a worker thread. */
  readonly processor: URL;
  readonly slots: number;
  /** What a job returned, in this thread: threads have no metrics of their own. */
  readonly onResult?: (result: unknown) => void;
}

/**
 * A BullMQ worker whose jobs run in threads: computing never keeps this thread, which renews the locks, from its
 * work. Locks are short, so that the job of a killed process is given to another one within seconds.
 */
export async function startThreadWorker(
  deps: WorkerDeps,
  options: ThreadWorkerOptions,
): Promise<RunningWorker> {
  const { context } = deps.stores;
  let busy = 0;
  const worker = new Worker(options.queue, options.processor, {
    connection: context.redis,
    prefix: context.keys.queuePrefix(options.queue),
    concurrency: options.slots,
    useWorkerThreads: true,
    // Not the options of this process: not every one of them is allowed in a thread. Little is new for long in one.
    workerThreadsOptions: { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } },
    lockDuration: 3_000,
    stalledInterval: 1_000,
    maxStalledCount: 1_000,
    skipWaitingForReady: true,
  });
  worker.on('active', () => busy++);
  worker.on('completed', (_job, result: unknown) => {
    busy--;
    options.onResult?.(result);
  });
  countJobs(worker, options.queue);
  traceJobs(worker, options.queue);
  worker.on('failed', (job, error) => {
    busy = Math.max(0, busy - 1);
    deps.log.error({ job: job?.data as unknown, err: error.message }, 'job failed');
  });
  worker.on('error', (error) => deps.log.warn({ err: error.message }, 'queue error'));
  return Promise.resolve({ slots: options.slots, busySlots: () => busy, close: () => worker.close() });
}
