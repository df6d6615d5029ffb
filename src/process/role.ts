import type { Config } from '../config/env.js';
import type { NodeRole } from '../protocol/records.js';
import type { Purpose } from '../redis/connection.js';
import type { CloseStep } from '../telemetry/lifecycle.js';
import type { PoolDeps } from './pool-deps.js';

/** One of the four kinds of work in a pool, as a process takes it on. */
export interface Role {
  readonly role: NodeRole;
  /** How its connection behaves while Redis is away. */
  readonly purpose: Purpose;
  /** What is wrong with the configuration is found before anything is started. @throws ConfigError */
  check?(config: Config): void;
  start(deps: PoolDeps): Promise<RunningRole>;
}

export interface RunningRole {
  /** Added to the line that says that the process is ready. */
  readonly ready: { readonly url?: string };
  /** Where it answers, from the pool's inside; null: nobody calls it. */
  readonly insideUrl: string | null;
  readonly slots: number;
  readonly stats: () => { readonly busySlots: number; readonly connections: number };
  /** Ends it: takes nothing new, finishes what is in flight, frees what it holds. */
  readonly steps: readonly CloseStep[];
}
