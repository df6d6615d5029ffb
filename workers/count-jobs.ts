import type { Job, Worker } from 'bullmq';
import { metrics } from '../src/telemetry/metrics.js';

/** How long the jobs of a queue waited and took. */
export function countJobs(worker: Worker, queue: string): void {
  worker.on('active', (job) => {
    const { processedOn = job.timestamp } = job;
    metrics.jobWaitSeconds.observe({ queue }, Math.max(0, processedOn - job.timestamp) / 1_000);
  });
  worker.on('completed', (job) => observe(job, queue, 'done'));
  worker.on('failed', (job) => {
    if (job !== undefined) observe(job, queue, 'failed');
  });
}

function observe({ processedOn, finishedOn }: Job, queue: string, outcome: 'done' | 'failed'): void {
  if (processedOn === undefined) return;
  metrics.jobSeconds.observe(
    { queue, outcome },
    Math.max(0, (finishedOn ?? Date.now()) - processedOn) / 1_000,
  );
}
