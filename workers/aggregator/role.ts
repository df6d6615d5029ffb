import { aggregateJob, QUEUES } from '../../src/protocol/queue.js';
import { parse } from '../../src/protocol/parse.js';
import { startJobWorker } from '../job-worker.js';
import { leaveNewerForOthers } from '../leave-for-others.js';
import { workerRole } from '../worker-role.js';
import { aggregateSlot } from './aggregate-slot.js';
import { threadFolders } from './fold-thread.js';
import { countFolded } from './folded.js';

/** May come and go at any time, also in mid-round. */
export const aggregatorRole = workerRole('aggregator', (deps) => {
  const folders = threadFolders();
  const worker = startJobWorker(deps, {
    queue: QUEUES.aggregate,
    process: async (job, token) => {
      await leaveNewerForOthers(job, token);
      const folded = await aggregateSlot({ ...deps, folders }, parse(aggregateJob, job.data));
      countFolded(folded);
      return folded;
    },
    slots: deps.config.AGGREGATOR_SLOTS,
  });
  const close = async (): Promise<void> => {
    await worker.close();
    await folders.close();
  };
  return { ...worker, close };
});
