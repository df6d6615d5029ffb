import type { SandboxedJob } from 'bullmq';
import { aggregateJob } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import { threadDeps } from '../thread-deps.js';
import type { Folded } from './folded.js';
import { aggregateSlot } from './aggregate-slot.js';

/** Runs in a worker thread; see thread-worker.ts. */
export default async function process(job: SandboxedJob, token?: string): Promise<Folded> {
  await leaveNewerForOthers(job, token);
  return aggregateSlot(await threadDeps('aggregator'), parse(aggregateJob, job.data));
}
