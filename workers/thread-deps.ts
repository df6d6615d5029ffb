import { threadId } from 'node:worker_threads';
import { parseEnv } from '../src/config/env.js';
import { createLogger } from '../src/telemetry/logger.js';
import { createWorkerDeps, type WorkerDeps } from './deps.js';

let deps: Promise<WorkerDeps> | undefined;

/** A thread's own connection and stores, made at its first job and kept for the next. */
export function threadDeps(role: string): Promise<WorkerDeps> {
  const config = parseEnv(process.env);
  deps ??= createWorkerDeps(
    config,
    createLogger({ level: config.LOG_LEVEL, role, nodeId: `${process.pid}/${threadId}` }),
  );
  return deps;
}
