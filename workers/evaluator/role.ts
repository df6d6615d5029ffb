import { QUEUES } from '../../src/protocol/queue.js';
import { startJobWorker } from '../job-worker.js';
import { workerRole } from '../worker-role.js';

/** Scores versions on the Repo's test set. */
export const evaluatorRole = workerRole('evaluator', (deps) =>
  startJobWorker(deps, {
    queue: QUEUES.evaluate,
    process: new URL('./evaluate.processor.js', import.meta.url),
    slots: deps.config.EVALUATOR_SLOTS,
  }),
);
