import { runWorker } from '../run-worker.js';
import { startJobWorker } from '../job-worker.js';
import { QUEUES } from '../../src/protocol/queue.js';

/** `cloud-node evaluator`: scores versions on the Repo's test set. */
export async function runEvaluator(env: NodeJS.ProcessEnv): Promise<void> {
  await runWorker('evaluator', env, (deps) =>
    Promise.resolve(
      startJobWorker(deps, {
        queue: QUEUES.evaluate,
        process: new URL('./evaluate.processor.js', import.meta.url),
        slots: deps.config.EVALUATOR_SLOTS,
      }),
    ),
  );
}
