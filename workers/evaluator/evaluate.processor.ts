import type { SandboxedJob } from 'bullmq';
import { evaluateJob } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import { threadDeps } from '../thread-deps.js';
import { evaluateVersion } from './evaluate-version.js';

/** Runs in a worker thread; see thread-worker.ts. */
export default async function process(job: SandboxedJob, token?: string): Promise<void> {
  await leaveNewerForOthers(job, token);
  await evaluateVersion(await threadDeps('evaluator'), parse(evaluateJob, job.data));
}
