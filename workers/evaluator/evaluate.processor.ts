import type { SandboxedJob } from 'bullmq';
import { evaluateJob } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { threadDeps } from '../thread-deps.js';
import { evaluateVersion } from './evaluate-version.js';

/** Runs in a worker thread; see thread-worker.ts. */
export default async function process(job: SandboxedJob): Promise<void> {
  await evaluateVersion(await threadDeps('evaluator'), parse(evaluateJob, job.data));
}
