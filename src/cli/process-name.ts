import type { NodeRole } from '../protocol/records.js';

/** What a process of the pool is started as. */
export type ProcessName = NodeRole | 'all-in-one';

/** Gateways end first, so that nothing new comes in; coordinators last, since the others report to them. */
export const END_ORDER: readonly NodeRole[] = ['gateway', 'evaluator', 'aggregator', 'coordinator'];

/** Whether clients connect to it. */
export function isGateway(name: string): boolean {
  return name === 'gateway' || name === 'all-in-one';
}
