import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPool } from '../lib/pool.js';
import { rssMiB } from '../lib/usage.js';

const ROLES = ['gateway', 'coordinator', 'aggregator'] as const;
/** Timers of what was just answered end, and what they held is collected. */
const SETTLE_MS = 1_000;
const COLLECTIONS = 2;

/** Loaded into every process of the pool, so that its garbage can be collected before it is measured. */
export const MEASURABLE = [
  '--expose-gc',
  '--import',
  new URL('../lib/collect-garbage.js', import.meta.url).href,
];

export interface Alive {
  /** Processes that ended although nobody ended them. */
  crashes(): number;
  /** Resident memory by role, after garbage was collected, MiB. */
  settledMiB(): Promise<Readonly<Record<string, number>>>;
}

export function watchProcesses(pool: BenchPool): Alive {
  const pids = [...ROLES, 'redis' as const].flatMap((role) => [...pool.pids(role)]);
  const ours = ROLES.flatMap((role) => [...pool.pids(role)]);
  return {
    crashes: () => pids.filter((pid) => !isAlive(pid)).length,
    settledMiB: async () => {
      for (let i = 0; i < COLLECTIONS; i++) {
        await sleep(SETTLE_MS);
        for (const pid of ours) if (isAlive(pid)) process.kill(pid, 'SIGUSR2');
      }
      await sleep(SETTLE_MS);
      return Object.fromEntries(
        ROLES.map((role) => {
          const mib = pool.pids(role).filter(isAlive).map(rssMiB);
          return [role, Math.round(mib.reduce((sum, one) => sum + one, 0) * 10) / 10];
        }),
      );
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
