import { NODE_ROLES } from '../../src/protocol/records.js';
import { metrics } from '../../src/telemetry/metrics.js';
import { repeat, type Repeating } from '../../src/telemetry/repeat.js';
import type { PoolDeps } from '../../src/process/pool-deps.js';

const LOOK_MS = 5_000;

/** Slots, queues and processes as numbers, for whoever scales the pool by them. */
export function startPoolMetrics({ stores, queues, log }: PoolDeps): Repeating {
  const look = async (): Promise<void> => {
    const { pool } = stores;
    const [nodes, rentals, active, depths] = await Promise.all([
      pool.nodes(),
      pool.rentals(),
      pool.countDue(),
      queues.depths(),
    ]);
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const aggregators = nodes.filter((node) => node.role === 'aggregator');
    metrics.slots.set({ kind: 'total' }, sum(aggregators.map((node) => node.slots)));
    metrics.slots.set({ kind: 'wanted' }, sum(rentals.map((rental) => rental.wanted)));
    metrics.slots.set({ kind: 'granted' }, sum(rentals.map((rental) => rental.granted)));
    metrics.activeSessions.set(active);
    for (const [queue, depth] of Object.entries(depths)) metrics.queueDepth.set({ queue }, depth);
    for (const role of NODE_ROLES)
      metrics.nodes.set({ role }, nodes.filter((node) => node.role === role).length);
  };
  return repeat(LOOK_MS, look, (error) => log.debug({ err: (error as Error).message }, 'pool not counted'));
}
