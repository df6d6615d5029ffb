import type { SandboxedJob } from 'bullmq';
import { EVALUATE_MODEL, evaluateJob, evaluateModelJob } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import { threadDeps } from '../thread-deps.js';
import { evaluateModel } from './evaluate-model.js';
import { evaluateVersion } from './evaluate-version.js';

/** Runs in a worker thread; see job-worker.ts. */
export default async function process(job: SandboxedJob, token?: string): Promise<void> {
  await leaveNewerForOthers(job, token);
  const deps = await threadDeps('evaluator');
  if (job.name === EVALUATE_MODEL) await evaluateModel(deps, parse(evaluateModelJob, job.data));
  else await evaluateVersion(deps, parse(evaluateJob, job.data));
}
