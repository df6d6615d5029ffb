import { runWorker } from '../run-worker.js';
import { startThreadWorker } from '../thread-worker.js';
import { QUEUES } from '../../src/protocol/queue.js';

/** `cloud-node evaluator`: scores versions on the Repo's test set. */
export async function runEvaluator(env: NodeJS.ProcessEnv): Promise<void> {
  await runWorker('evaluator', env, (deps) =>
    startThreadWorker(deps, {
      queue: QUEUES.evaluate,
      processor: new URL('./evaluate.processor.js', import.meta.url),
      slots: deps.config.EVALUATOR_SLOTS,
    }),
  );
}
