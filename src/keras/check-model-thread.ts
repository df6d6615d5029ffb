import { parentPort } from 'node:worker_threads';
import { checkModel, type ModelCheck } from './check-model.js';

/** What a thread answers to a {@link ModelCheck}; one at a time. */
export interface CheckReply {
  readonly problem: string | null;
}

parentPort?.on('message', (model: ModelCheck) => {
  checkModel(model)
    .catch((error: unknown) => `It can not be checked: ${String(error)}`)
    .then((problem) => parentPort?.postMessage({ problem } satisfies CheckReply))
    .catch(() => undefined);
});
