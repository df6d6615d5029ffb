import { threadId } from 'node:worker_threads';
import { parseEnv } from '../src/config/env.js';
import { createLogger } from '../src/telemetry/logger.js';
import { connectPool, type PoolDeps } from '../src/process/pool-deps.js';

let deps: Promise<PoolDeps> | undefined;

/** A thread's own connection and stores, made at its first job and kept for the next. */
export function threadDeps(role: string): Promise<PoolDeps> {
  const config = parseEnv(process.env);
  const log = createLogger({ level: config.LOG_LEVEL, role, nodeId: `${process.pid}/${threadId}` });
  deps ??= connectPool(config, { log, purpose: 'background' }).catch((error: unknown) => {
    // The next job tries again: Redis may be back by then.
    deps = undefined;
    throw error;
  });
  return deps;
}
