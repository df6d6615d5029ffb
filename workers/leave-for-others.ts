import { DelayedError } from 'bullmq';
import * as z from 'zod';
import { NEWEST_QUEUE_VERSION } from '../src/protocol/queue.js';

/** What BullMQ gives a processor, in a thread or not. */
interface QueuedJob {
  readonly data: unknown;
  moveToDelayed(timestampMs: number, token?: string): Promise<void>;
}

const LOOK_AGAIN_MS = 500;
const versioned = z.object({ v: z.int() });

/**
 * Puts a job of a newer release back for a process that understands it: during a rolling upgrade both kinds run.
 * @throws DelayedError, which tells BullMQ that the job is not done and did not fail
 */
export async function leaveNewerForOthers(job: QueuedJob, token: string | undefined): Promise<void> {
  const { data } = versioned.safeParse(job.data);
  if (data === undefined || data.v <= NEWEST_QUEUE_VERSION) return;
  await job.moveToDelayed(Date.now() + LOOK_AGAIN_MS * (1 + Math.random()), token);
  throw new DelayedError();
}
