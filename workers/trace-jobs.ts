import type { Job, Worker } from 'bullmq';
import type { Attributes } from '../src/telemetry/span.js';
import { isTracing, parseTraceparent, recordSpan } from '../src/telemetry/tracing.js';

const MAX_TEXT = 300;
/** Of a job and of what it returns: all else stays here. */
const TOLD = {
  repoId: 'repo',
  sessionId: 'session',
  slot: 'slot',
  version: 'version',
  bytes: 'bytes',
} as const;

/**
 * How the jobs of a queue waited and ran, as parts of the round that they were asked for. Told in the process that the
 * threads belong to: threads need no SDK. BullMQ's own spans would be of every call, also of the many that are dropped
 * because the job waits already.
 */
export function traceJobs(worker: Worker, queue: string): void {
  if (!isTracing()) return;
  worker.on('completed', (job, result: unknown) => record(job, queue, { result }));
  worker.on('failed', (job, error) => {
    if (job !== undefined) record(job, queue, { error: error.message.slice(0, MAX_TEXT) });
  });
}

function record(job: Job, queue: string, { result, error }: { result?: unknown; error?: string }): void {
  const { timestamp, processedOn = timestamp, finishedOn = Date.now(), opts } = job;
  const carried = parseTraceparent(opts.telemetry?.metadata);
  // From a process of an older release, or asked for outside of rounds.
  if (carried === null) return;
  const { traceId, spanId } = carried;
  const parent = { traceId, spanId };
  const attributes = { 'messaging.destination.name': queue, ...told(job.data as unknown) };
  recordSpan({
    name: `enqueue ${queue}`,
    kind: 'producer',
    startMs: timestamp,
    endMs: processedOn,
    parent,
    attributes,
  });
  recordSpan({
    name: `process ${queue}`,
    kind: 'consumer',
    startMs: processedOn,
    endMs: finishedOn,
    parent,
    attributes: { ...attributes, ...told(result) },
    error,
  });
}

function told(fields: unknown): Attributes {
  const attributes: Attributes = {};
  if (typeof fields !== 'object' || fields === null) return attributes;
  for (const [name, key] of Object.entries(TOLD)) {
    const value = (fields as Record<string, unknown>)[name];
    if (typeof value === 'number' || typeof value === 'string') attributes[`cloud_node.${key}`] = value;
  }
  return attributes;
}
