import { readdirSync, readFileSync } from 'node:fs';
import { cpuSeconds, parentPid, peakRssMiB, rssMiB } from '../lib/usage.js';

const SAMPLE_MS = 100;
/** Looking for new processes reads all of /proc, so it is done more rarely. */
const SCAN_EVERY = 5;

/** What a role used up to a moment. */
interface Sample {
  readonly atMs: number;
  readonly cpuSeconds: ReadonlyMap<string, number>;
}

export interface Usage {
  /** Roles that have been seen. */
  readonly roles: ReadonlySet<string>;
  /** Whether a process of this role runs now. */
  alive(role: string): boolean;
  /** CPU seconds that each role used between two moments (Unix milliseconds). */
  cpuSeconds(fromMs: number, toMs: number): Record<string, number>;
  /** Largest resident memory of each role that `counts`, and of all of them together at one moment. */
  peakRssMiB(counts: (role: string) => boolean): Record<string, number>;
  stop(): void;
}

/**
 * Watches this process's descendants through /proc until stopped.
 *
 * @param roleOf  the role of a process by its command line; null leaves it out
 */
export function watchDescendants(roleOf: (commandLine: string) => string | null): Usage {
  const roles = new Map<number, string | null>();
  const cpu = new Map<number, number>();
  const samples: Sample[] = [];
  const memory: Map<string, number>[] = [];
  const highWater = new Map<number, number>();
  let alive = new Set<string>();
  let count = 0;

  const sample = (): void => {
    if (count++ % SCAN_EVERY === 0) {
      for (const pid of descendants()) {
        // Each time: between fork and exec a process still has its parent's command line, and in the end it has none.
        const line = commandLine(pid);
        if (line) roles.set(pid, roleOf(line));
      }
    }
    const resident = new Map<string, number>();
    alive = new Set();
    for (const [pid, role] of roles) {
      if (role === null) continue;
      const now = readProcess(pid);
      if (now === null) continue;
      cpu.set(pid, now.cpuSeconds);
      highWater.set(pid, now.highWaterMiB);
      resident.set(role, (resident.get(role) ?? 0) + now.residentMiB);
      alive.add(role);
    }
    memory.push(resident);
    samples.push({ atMs: Date.now(), cpuSeconds: byRole(cpu, roles) });
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);

  return {
    get roles() {
      return new Set([...roles.values()].filter((role) => role !== null));
    },
    alive: (role) => alive.has(role),
    cpuSeconds: (fromMs, toMs) => {
      const from = samples.findLast(({ atMs }) => atMs <= fromMs)?.cpuSeconds;
      const to = (samples.find(({ atMs }) => atMs >= toMs) ?? samples.at(-1))?.cpuSeconds;
      return Object.fromEntries([...(to ?? [])].map(([role, used]) => [role, used - (from?.get(role) ?? 0)]));
    },
    peakRssMiB: (counts) => {
      const total = Math.max(...memory.map((m) => sum([...m].filter(([role]) => counts(role)))));
      const peaks = [...byRole(highWater, roles)].filter(([role]) => counts(role));
      return { ...Object.fromEntries(peaks), total };
    },
    stop: () => clearInterval(timer),
  };
}

function byRole(
  values: ReadonlyMap<number, number>,
  roles: ReadonlyMap<number, string | null>,
): Map<string, number> {
  const result = new Map<string, number>();
  for (const [pid, value] of values) {
    const role = roles.get(pid);
    if (role) result.set(role, (result.get(role) ?? 0) + value);
  }
  return result;
}

function sum(entries: readonly (readonly [string, number])[]): number {
  return entries.reduce((total, [, value]) => total + value, 0);
}

function descendants(): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = unlessGone(() => parentPid(Number(name)));
    if (parent !== null) parents.set(Number(name), parent);
  }
  const ours = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === process.pid || ours(parent));
  };
  return [...parents.keys()].filter(ours);
}

function commandLine(pid: number): string {
  return unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.replaceAll('\0', ' ') ?? '';
}

function readProcess(pid: number): { cpuSeconds: number; residentMiB: number; highWaterMiB: number } | null {
  const now = unlessGone(() => ({
    cpuSeconds: cpuSeconds(pid),
    residentMiB: rssMiB(pid),
    highWaterMiB: peakRssMiB(pid),
  }));
  // One that has ended but was not waited for has no memory.
  return now === null || Number.isNaN(now.residentMiB) ? null : now;
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
