import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryLine } from '../lib/collect-garbage.js';
import type { BenchPool } from '../lib/pool.js';
import { rssMiB, threadCount } from '../lib/usage.js';

const ROLES = ['gateway', 'coordinator', 'aggregator'] as const;
/** Timers of what was just answered end, and what they held is collected. */
const SETTLE_MS = 1_000;
const COLLECTIONS = 2;
const LOOK_MS = 100;
/** Longer than a collection takes on a busy machine. */
const COLLECT_MS = 20_000;

/** Loaded into every process of the pool, so that its garbage can be collected before it is measured. */
export const MEASURABLE = ['--import', new URL('../lib/collect-garbage.js', import.meta.url).href];
/**
 * An arena of malloc for each thread, and none of it given back, would grow by chance: the same blocks, freed by another
 * thread, are no leak.
 */
export const STEADY_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

/** By role, over its processes, MiB. */
export type ByRole = Readonly<Record<string, number>>;

export interface Settled {
  /** Resident memory. */
  readonly rss: ByRole;
  /** What of it is reachable from JavaScript, in the main thread. */
  readonly live: ByRole;
}

/** Reads what the processes write of their memory. */
export class MemoryLines {
  readonly #liveBytes = new Map<number, number>();

  note(line: string): void {
    if (!line.startsWith('{"memory":')) return;
    const { pid, liveBytes } = (JSON.parse(line) as MemoryLine).memory;
    this.#liveBytes.set(pid, liveBytes);
  }

  /** As if nothing had been written: what comes now is of now. */
  forget(): void {
    this.#liveBytes.clear();
  }

  has(pid: number): boolean {
    return this.#liveBytes.has(pid);
  }

  liveMiB(pid: number): number {
    return (this.#liveBytes.get(pid) ?? NaN) / 2 ** 20;
  }
}

export interface Alive {
  /** Processes that ended although nobody ended them. */
  crashes(): number;
  /** After garbage was collected, and those threads have ended that began since; for these at most `withinMs`. */
  settled(withinMs: number): Promise<Settled>;
}

/** To be called when the pool has done each kind of work, and is at rest. */
export function watchProcesses(pool: BenchPool, lines: MemoryLines): Alive {
  const pids = [...ROLES, 'redis' as const].flatMap((role) => [...pool.pids(role)]);
  const ours = ROLES.flatMap((role) => [...pool.pids(role)]);
  const threads = new Map(ours.map((pid) => [pid, threadCount(pid)]));
  const isAtRest = (pid: number): boolean => !isAlive(pid) || threadCount(pid) <= (threads.get(pid) ?? 0);
  const byRole = (of: (pid: number) => number): ByRole =>
    Object.fromEntries(
      ROLES.map((role) => {
        const mib = pool.pids(role).filter(isAlive).map(of);
        return [role, Math.round(mib.reduce((sum, one) => sum + one, 0) * 10) / 10];
      }),
    );
  return {
    crashes: () => pids.filter((pid) => !isAlive(pid)).length,
    settled: async (withinMs) => {
      // A converter works on a broken file for up to a minute, and is as large as a process.
      await until(() => ours.every(isAtRest), withinMs);
      for (let i = 0; i < COLLECTIONS; i++) {
        await sleep(SETTLE_MS);
        lines.forget();
        for (const pid of ours) if (isAlive(pid)) process.kill(pid, 'SIGUSR2');
        await until(() => ours.every((pid) => lines.has(pid) || !isAlive(pid)), COLLECT_MS);
      }
      await sleep(SETTLE_MS);
      return { rss: byRole(rssMiB), live: byRole((pid) => lines.liveMiB(pid)) };
    },
  };
}

async function until(holds: () => boolean, withinMs: number): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!holds() && performance.now() < untilMs) await sleep(LOOK_MS);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
