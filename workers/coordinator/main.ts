import { runWorker } from '../run-worker.js';
import { startCoordinator } from './coordinator.js';

/** `cloud-node coordinator`: any number may run; each session is looked at by whoever is free. */
export async function runCoordinator(env: NodeJS.ProcessEnv): Promise<void> {
  await runWorker('coordinator', env, startCoordinator);
}
