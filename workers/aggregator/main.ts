import { runWorker } from '../run-worker.js';
import { startThreadWorker } from '../thread-worker.js';
import { countFolded } from './folded.js';
import { QUEUES } from '../../src/protocol/queue.js';

/** `cloud-node aggregator`: may come and go at any time, also in mid-round. */
export async function runAggregator(env: NodeJS.ProcessEnv): Promise<void> {
  await runWorker('aggregator', env, (deps) =>
    startThreadWorker(deps, {
      queue: QUEUES.aggregate,
      processor: new URL('./aggregate.processor.js', import.meta.url),
      slots: deps.config.AGGREGATOR_SLOTS,
      onResult: countFolded,
    }),
  );
}
