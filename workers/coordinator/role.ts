import { workerRole } from '../worker-role.js';
import { startCoordinator } from './coordinator.js';

/** Any number may run; each session is looked at by whoever is free. */
export const coordinatorRole = workerRole('coordinator', startCoordinator);
