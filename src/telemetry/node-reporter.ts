import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeRole } from '../protocol/records.js';
import type { PoolRegistry } from '../redis/pool-registry.js';
import { repeat } from './repeat.js';
import { PACKAGE_VERSION } from './version.js';

const REPORT_MS = 2_000;
const STOP_WITHIN_MS = 2_000;

export interface ReportedNode {
  readonly pool: PoolRegistry;
  readonly role: NodeRole;
  readonly nodeId: string;
  /** Where a gateway answers; null for the others. */
  readonly url: string | null;
  readonly slots: number;
  stats(): { readonly busySlots: number; readonly connections: number };
}

/** Says every two seconds that this process lives; a report that fails is made up for by the next. */
export function startNodeReporter(node: ReportedNode): { stop(): Promise<void> } {
  const { pool, role, nodeId, url, slots } = node;
  const startedMs = Date.now();
  const report = (): Promise<void> =>
    pool.reportNode({
      nodeId,
      role,
      version: PACKAGE_VERSION,
      host: hostname(),
      pid: process.pid,
      startedMs,
      url,
      slots,
      ...node.stats(),
      rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
    });
  const reporting = repeat(REPORT_MS, report, () => {
    // The connection logs its own trouble.
  });
  return {
    stop: async () => {
      const removed = reporting.stop().then(() => pool.removeNode(nodeId));
      removed.catch(() => undefined);
      // Without Redis it is taken off the list when it has been silent for long enough.
      await Promise.race([removed, sleep(STOP_WITHIN_MS, null, { ref: false })]);
    },
  };
}
