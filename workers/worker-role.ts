import type { NodeRole } from '../src/protocol/records.js';
import type { PoolDeps } from '../src/process/pool-deps.js';
import type { Role } from '../src/process/role.js';

/** Something that works off queues until it is closed. */
export interface RunningWorker {
  readonly slots: number;
  busySlots(): number;
  /** Finishes what is in flight, then resolves. */
  close(): Promise<void>;
}

/** What a kind of worker adds to the process that runs it. */
export function workerRole(role: NodeRole, start: (deps: PoolDeps) => RunningWorker): Role {
  return {
    role,
    purpose: 'background',
    start: (deps) => {
      const worker = start(deps);
      return Promise.resolve({
        ready: {},
        insideUrl: null,
        slots: worker.slots,
        stats: () => ({ busySlots: worker.busySlots(), connections: 0 }),
        steps: [{ name: role, run: () => worker.close() }],
      });
    },
  };
}
