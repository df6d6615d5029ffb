import type { PoolStatus } from '../protocol/http.js';
import { NODE_ROLES } from '../protocol/records.js';
import { bytes, count } from './format.js';

/** The pool in two lines: who runs; how busy and how full it is. */
export function describePool({ nodes, slots, redis }: PoolStatus): readonly [string, string] {
  const present = NODE_ROLES.flatMap((role) => {
    const howMany = nodes.filter((node) => node.role === role).length;
    return howMany === 0 ? [] : [count(howMany, role)];
  });
  const busy = nodes.reduce((sum, node) => sum + (node.role === 'aggregator' ? node.busySlots : 0), 0);
  return [
    present.join(' · '),
    `${busy} of ${slots.total} aggregator slots busy · Redis ${bytes(redis.usedMemoryBytes)}`,
  ];
}
