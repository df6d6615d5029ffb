import { aggregateJob, QUEUES } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { startJobWorker } from '../job-worker.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import { workerRole } from '../worker-role.js';
import { startFoldThread } from './fold-thread.js';
import { countFolded } from './folded.js';

/** May come and go at any time, also in mid-round. */
export const aggregatorRole = workerRole('aggregator', (deps) => {
  const thread = startFoldThread();
  const worker = startJobWorker(deps, {
    queue: QUEUES.aggregate,
    process: async (job, token) => {
      await leaveNewerForOthers(job, token);
      const folded = await thread.run(parse(aggregateJob, job.data));
      countFolded(folded);
      return folded;
    },
    slots: deps.config.AGGREGATOR_SLOTS,
  });
  const close = async (): Promise<void> => {
    await worker.close();
    await thread.close();
  };
  return { ...worker, close };
});
